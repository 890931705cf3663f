/** GraphiQL as one page that loads nothing from elsewhere, with tabs that work as they are. */
import { promisify } from 'node:util'
import { gzip } from 'node:zlib'

export const GRAPHIQL_HEADERS = {
  'content-type': 'text/html; charset=utf-8',
  'cache-control': 'no-cache',
  'content-security-policy':
    "default-src 'none'; script-src 'unsafe-inline' blob:; worker-src blob:; style-src 'unsafe-inline'; img-src data:; font-src data:; connect-src 'self' ws: wss:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  'x-frame-options': 'DENY',
  'referrer-policy': 'no-referrer',
}

const HEADERS = JSON.stringify({ Authorization: 'Bearer <accessToken>' }, null, 2)

const tabs = [
  {
    query: `# 1. Welcome. Register: the first user of an empty installation is its ADMIN.
# Copy the accessToken into "Headers" below: {"Authorization": "Bearer …"}. It also counts for subscriptions.
mutation Register {
  userRegister(input: { email: "ada@example.com", password: "correct horse battery staple", displayName: "Ada" }) {
    user { id role }
    tokens { accessToken accessTokenExpiresAt }
    userErrors { code message path }
  }
}
`,
  },
  {
    query: `# 2. Have text generated: a task, which runs in the background and survives restarts.
mutation Generate {
  taskCreate(input: { type: "text.generate", params: { prompt: "Write a haiku about rope." } }) {
    task { id status streams(first: 1) { nodes { id } } }
    userErrors { code message path }
    eventCursor
  }
}
`,
    headers: HEADERS,
  },
  {
    query: `# 3. Follow its stream, token by token. Put in the stream's id of tab 2; after a break, resume with afterSeq: <lastSeq>.
subscription Follow($streamId: ID!) {
  streamChunks(streamId: $streamId) { text lastSeq status }
}
`,
    variables: JSON.stringify({ streamId: 'Stream:…' }, null, 2),
    headers: HEADERS,
  },
  {
    query: `# 4. Follow every change of your tasks, then start one in tab 2.
subscription Watch {
  tasksUpdated { cursor kind fromStatus toStatus task { id type progress } }
}
`,
    headers: HEADERS,
  },
  {
    query: `# 5. Who am I, what is there. eventCursor is read first: follow from it with "after" and miss nothing.
query Overview {
  eventCursor
  viewer { id email role }
  tasks(first: 10) { totalCount nodes { id type status createdAt } }
  streams(first: 10) { nodes { id status text } }
}
`,
    headers: HEADERS,
  },
]

let page: Promise<{ plain: Buffer; zipped: Buffer }> | undefined

/** The page, made once; 9 MB, of which 2 travel. */
export function graphiqlPage(): Promise<{ plain: Buffer; zipped: Buffer }> {
  page ??= make()
  return page
}

async function make() {
  const { renderGraphiQL } = await import('@graphql-yoga/render-graphiql')
  const plain = Buffer.from(
    renderGraphiQL({ title: 'Holdfast', endpoint: '/graphql', defaultTabs: tabs, subscriptionsProtocol: 'WS', shouldPersistHeaders: true }),
  )
  return { plain, zipped: await promisify(gzip)(plain) }
}

/** The operations in the tabs, for the test that holds them against the schema. */
export const graphiqlQueries: readonly string[] = tabs.map((tab) => tab.query)
