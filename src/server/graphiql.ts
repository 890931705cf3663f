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

const tabs = [
  {
    query: `# 1. Register. The first user of an empty installation is
# its ADMIN. This page keeps the accessToken and sends it
# from now on, unless you give other headers below.
mutation Register {
  userRegister(
    input: {
      email: "ada@example.com"
      password: "a long and private sentence"
      displayName: "Ada"
    }
  ) {
    user { id role }
    tokens { accessToken accessTokenExpiresAt }
    userErrors { code message path }
  }
}
`,
  },
  {
    query: `# 2. Have text generated: a task that runs in the
# background and survives restarts. Its stream is
# there at once; follow it in the next tab.
mutation Generate {
  taskCreate(
    input: {
      type: "text.generate"
      params: { prompt: "Why is the sky blue?" }
    }
  ) {
    task {
      id
      status
      streams(first: 1) { nodes { id status } }
    }
    userErrors { code message path }
    eventCursor
  }
}
`,
  },
  {
    query: `# 3. Follow a stream, token by token. For "Stream:…" this
# page puts in the id it saw last. After a break go on
# with afterSeq: <the last lastSeq>.
subscription Follow($streamId: ID!) {
  streamChunks(streamId: $streamId) {
    text
    lastSeq
    status
    stream { text }
  }
}
`,
    variables: JSON.stringify({ streamId: 'Stream:…' }, null, 2),
  },
  {
    query: `# 4. Follow every change of your tasks, then start one
# in tab 2. Hand a cursor back as "after" to go on
# from there and miss nothing.
subscription Watch {
  tasksUpdated {
    cursor
    kind
    fromStatus
    toStatus
    task { id type progress }
  }
}
`,
  },
  {
    query: `# 5. Who am I, and what is there. eventCursor is read
# first: follow from it with "after".
query Overview {
  eventCursor
  viewer { id email role }
  tasks(first: 10) {
    totalCount
    nodes { id type status createdAt }
  }
  streams(first: 10) {
    nodes { id status text }
  }
}
`,
  },
  {
    query: `# Back another day, or after 15 minutes? Log in.
mutation LogIn {
  sessionCreate(
    input: {
      email: "ada@example.com"
      password: "a long and private sentence"
    }
  ) {
    user { id role }
    tokens { accessToken accessTokenExpiresAt }
    userErrors { code message path }
  }
}
`,
  },
]

/**
 * Runs in the page before GraphiQL does: it keeps the access token of the last answer that held one, for the life of the
 * browser tab, and sends it where no other is given; and it puts the id of the stream seen last in for "Stream:…".
 */
const COMPANION = `(() => {
  const kept = sessionStorage
  const learn = (text) => {
    const token = /"accessToken":"([^"]+)"/.exec(text)
    if (token) kept.holdfastToken = token[1]
    const streams = text.match(/Stream:[0-9a-f-]{36}/g)
    if (streams) kept.holdfastStream = streams[0]
  }
  const fill = (text) => (kept.holdfastStream ? text.replaceAll('Stream:\u2026', kept.holdfastStream) : text)
  const plainFetch = window.fetch
  window.fetch = async (url, init) => {
    if (!init || typeof init.body !== 'string') return plainFetch(url, init)
    const headers = new Headers(init.headers)
    if (kept.holdfastToken && !headers.has('authorization')) headers.set('authorization', 'Bearer ' + kept.holdfastToken)
    const response = await plainFetch(url, { ...init, headers, body: fill(init.body) })
    if (/json/.test(response.headers.get('content-type') || '')) response.clone().text().then(learn, () => {})
    return response
  }
  const plainSend = WebSocket.prototype.send
  WebSocket.prototype.send = function (data) {
    let sent = data
    if (typeof data === 'string') {
      sent = fill(data)
      const message = JSON.parse(sent)
      if (message.type === 'connection_init' && kept.holdfastToken) {
        const payload = message.payload || {}
        if (!payload.authorization && !payload.Authorization) sent = JSON.stringify({ ...message, payload: { ...payload, authorization: 'Bearer ' + kept.holdfastToken } })
      }
    }
    return plainSend.call(this, sent)
  }
})()`

let page: Promise<{ plain: Buffer; zipped: Buffer }> | undefined

/** The page, made once; 9 MB, of which 2 travel. */
export function graphiqlPage(): Promise<{ plain: Buffer; zipped: Buffer }> {
  page ??= make()
  return page
}

async function make() {
  const { renderGraphiQL } = await import('@graphql-yoga/render-graphiql')
  const html = renderGraphiQL({ title: 'Holdfast', endpoint: '/graphql', defaultTabs: tabs, subscriptionsProtocol: 'WS', shouldPersistHeaders: true })
  const plain = Buffer.from(html.replace('<head>', () => `<head><script>${COMPANION}</script>`))
  return { plain, zipped: await promisify(gzip)(plain) }
}

/** The operations in the tabs, for the test that holds them against the schema. */
export const graphiqlQueries: readonly string[] = tabs.map((tab) => tab.query)
