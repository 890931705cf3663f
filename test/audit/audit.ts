/** Ways to look at the trail. */
import type { TestUser, World } from '../kit/world.ts'

export interface Entry {
  id: string
  position: number
  kind: string
  operation: string
  operationName: string | null
  userId: string | null
  sessionId: string | null
  apiKeyId: string | null
  subjectId: string | null
  succeeded: boolean
  code: string | null
  durationMs: number | null
  requestId: string | null
  count: number | null
  address: string | null
  userAgent: string | null
  email: string | null
  isPersonalDataRemoved: boolean
  isSealed: boolean
}

const FIELDS =
  'id position kind operation operationName userId sessionId apiKeyId subjectId succeeded code durationMs requestId count address userAgent email isPersonalDataRemoved isSealed'

/** Oldest first; what is told after the answer is there too. */
export async function entriesOf(world: World, user: TestUser, filter: object = {}): Promise<Entry[]> {
  await world.app.audit.flush()
  const all: Entry[] = []
  for (let after: string | null = null; ; ) {
    const { data, errors } = await world.ask(
      `query ($filter: AuditEntryFilter, $after: String) {
        auditEntries(filter: $filter, orderBy: [{ field: POSITION }], first: 100, after: $after) { nodes { ${FIELDS} } pageInfo { hasNextPage endCursor } }
      }`,
      { filter, after },
      user,
    )
    if (errors) throw new Error(errors[0]!.message)
    const { nodes, pageInfo }: { nodes: Entry[]; pageInfo: { hasNextPage: boolean; endCursor: string } } = data.auditEntries
    all.push(...nodes)
    if (!pageInfo.hasNextPage) return all
    after = pageInfo.endCursor
  }
}

/** All that is written is sealed. */
export async function sealed(world: World): Promise<void> {
  await world.app.audit.flush()
  await world.app.seals.seal()
}

export interface Verification {
  isIntact: boolean
  fault: { kind: string; position: number; entry: { id: string } | null } | null
  checkedCount: number
  through: number
  next: number | null
  expiredThrough: number
  sealedThrough: number
  unsealedCount: number
  checkpoint: { position: number; mac: string }
}

export async function verify(world: World, admin: TestUser, args = ''): Promise<Verification> {
  const { data, errors } = await world.ask(
    `{ auditVerify${args} { isIntact fault { kind position entry { id } } checkedCount through next expiredThrough sealedThrough unsealedCount checkpoint { position mac } } }`,
    {},
    admin,
  )
  if (errors) throw new Error(errors[0]!.message)
  return data.auditVerify
}

export const taskCreate = (world: World, user: TestUser, input: object = {}) =>
  world.does(
    'mutation Make($input: TaskCreateInput!) { taskCreate(input: $input) { task { id } userErrors { code message } } }',
    { input: { type: 'http.request', params: { url: 'http://127.0.0.1/' }, runImmediately: false, ...input } },
    user,
  )
