/**
 * The reference: what one writes first. Stock Yoga, Pothos with Prisma, graphql-ws, an in-memory pub/sub; a JWT is checked at
 * each request and nothing else. On SQLite it stands on the same driver as Holdfast, so that the two differ in the server alone.
 */
import { randomUUID } from 'node:crypto'
import { createServer } from 'node:http'
import SchemaBuilder from '@pothos/core'
import PrismaPlugin from '@pothos/plugin-prisma'
import { PrismaPg } from '@prisma/adapter-pg'
import type { ExecutionArgs } from 'graphql'
import { useServer } from 'graphql-ws/use/ws'
import { createPubSub, createYoga } from 'graphql-yoga'
import { jwtVerify, SignJWT } from 'jose'
import { WebSocketServer } from 'ws'
import { type Client, dialectOf, openDatabase } from '../../src/db/database.ts'
import type { Synchronous } from '../../src/db/sqlite-connection.ts'
import type PrismaTypes from '../../src/generated/pothos-types.ts'
import { getDatamodel } from '../../src/generated/pothos-types.ts'

const url = process.env.DATABASE_URL!
const key = new TextEncoder().encode('the secret of a server that is only measured')

async function openClient(): Promise<Client> {
  if (dialectOf(url) === 'sqlite')
    return (await openDatabase({ url, exclusive: false, synchronous: (process.env.SQLITE_SYNCHRONOUS ?? 'FULL') as Synchronous })).client
  const { PrismaClient } = await import('../../src/generated/postgresql/client.ts')
  return new PrismaClient({ adapter: new PrismaPg({ connectionString: url }) }) as unknown as Client
}

const db = await openClient()
const pubsub = createPubSub<{ chunk: [streamId: string, chunk: { seq: number; content: string }] }>()
const seqs = new Map<string, number>()

const builder = new SchemaBuilder<{ PrismaTypes: PrismaTypes; Context: { userId: string | null }; DefaultFieldNullability: false }>({
  plugins: [PrismaPlugin],
  defaultFieldNullability: false,
  prisma: { client: db, dmmf: getDatamodel() },
  // Asked for by the types of a plugin that is not among these.
  scopeAuth: { authScopes: () => ({}) },
})

const Task = builder.prismaObject('Task', {
  fields: (t) => ({
    id: t.exposeID('id'),
    type: t.exposeString('type'),
    status: t.exposeString('status'),
    progress: t.exposeFloat('progress', { nullable: true }),
    attempt: t.exposeInt('attempt'),
    createdAt: t.string({ resolve: (task) => new Date(Number(task.createdAtMs)).toISOString() }),
  }),
})
const Chunk = builder.objectRef<{ seq: number; content: string }>('Chunk').implement({
  fields: (t) => ({ seq: t.exposeInt('seq'), content: t.exposeString('content') }),
})

builder.queryType({
  fields: (t) => ({
    task: t.prismaField({
      type: Task,
      nullable: true,
      args: { id: t.arg.id({ required: true }) },
      resolve: (query, _root, { id }) => db.task.findUnique({ ...query, where: { id: String(id) } }),
    }),
  }),
})
builder.mutationType({
  fields: (t) => ({
    taskCreate: t.prismaField({
      type: Task,
      args: { ownerId: t.arg.string({ required: true }), type: t.arg.string({ required: true }) },
      resolve: (query, _root, { ownerId, type }) => {
        const now = BigInt(Date.now())
        const task = { id: randomUUID(), ownerId, type, lane: type, status: 'CREATED' as const, params: {}, agentsInvolved: [] }
        return db.task.create({ ...query, data: { ...task, runAtMs: now, createdAtMs: now, updatedAtMs: now } })
      },
    }),
    /** One row a chunk. */
    chunkCreate: t.int({
      args: { streamId: t.arg.string({ required: true }), seq: t.arg.int({ required: true }), content: t.arg.string({ required: true }) },
      resolve: async (_root, { streamId, seq, content }) => {
        await db.streamChunk.create({ data: { streamId, seq, kind: 'TEXT', content: new Uint8Array(Buffer.from(content)), createdAtMs: BigInt(Date.now()) } })
        return seq
      },
    }),
    /** One event a chunk, kept nowhere. */
    chunkPublish: t.int({
      args: { streamId: t.arg.string({ required: true }), content: t.arg.string({ required: true }) },
      resolve: (_root, { streamId, content }) => {
        const seq = (seqs.get(streamId) ?? -1) + 1
        seqs.set(streamId, seq)
        pubsub.publish('chunk', streamId, { seq, content })
        return seq
      },
    }),
  }),
})
builder.subscriptionType({
  fields: (t) => ({
    chunks: t.field({
      type: Chunk,
      args: { streamId: t.arg.string({ required: true }) },
      subscribe: (_root, { streamId }) => pubsub.subscribe('chunk', streamId),
      resolve: (chunk) => chunk,
    }),
  }),
})

const userOf = async (authorization: string | null | undefined): Promise<string | null> =>
  authorization ? ((await jwtVerify(authorization.slice('Bearer '.length), key)).payload.sub ?? null) : null

const yoga = createYoga({
  schema: builder.toSchema(),
  logging: false,
  context: async ({ request }) => ({ userId: await userOf(request?.headers.get('authorization')) }),
})
const server = createServer(yoga)
// As Yoga's documentation says.
type Envelope = ExecutionArgs & { rootValue: { execute: (args: ExecutionArgs) => unknown; subscribe: (args: ExecutionArgs) => unknown } }
useServer(
  {
    execute: (args) => (args as Envelope).rootValue.execute(args) as never,
    subscribe: (args) => (args as Envelope).rootValue.subscribe(args) as never,
    onSubscribe: async (ctx, _id, params) => {
      const { schema, execute, subscribe, contextFactory, parse, validate } = yoga.getEnveloped({ ...ctx, req: ctx.extra.request, params })
      const args = {
        schema,
        operationName: params.operationName,
        document: parse(params.query),
        variableValues: params.variables,
        contextValue: await contextFactory(),
        rootValue: { execute, subscribe },
      }
      const errors = validate(args.schema, args.document)
      return errors.length ? errors : (args as never)
    },
  },
  new WebSocketServer({ server, path: yoga.graphqlEndpoint }),
)
const token = await new SignJWT().setProtectedHeader({ alg: 'HS256' }).setSubject('user').setExpirationTime('1h').sign(key)
server.listen(0, '127.0.0.1', () => console.log(JSON.stringify({ url: `http://127.0.0.1:${(server.address() as { port: number }).port}`, token })))
process.on('SIGTERM', () => process.exit(0))
