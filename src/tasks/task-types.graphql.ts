/** What can be run: the types of this server, and those that programs elsewhere registered. */
import { actorId, seesAll } from '../core/actor.ts'
import { toDateOrNull } from '../core/clock.ts'
import { builder, LONG_VALUE, rights, weighs } from '../graphql/builder.ts'
import type { Context } from '../graphql/context.ts'
import { siblings } from '../graphql/siblings.ts'
import { paramsSchema, type TaskType } from './task-type.ts'
import { type OutsideTypeRow, outsideSchemas, outsideTypesSeen } from './task-types-read.ts'

export type KnownTaskType = { builtIn: TaskType } | { outside: OutsideTypeRow }
/** What a task of the type has unless it says otherwise. */
const defaults = (type: KnownTaskType) =>
  'outside' in type ? type.outside : { ...type.builtIn, rateLimit: type.builtIn.rate?.limit ?? null, rateSeconds: type.builtIn.rate?.seconds ?? null }
const outside = (type: KnownTaskType): OutsideTypeRow | null => ('outside' in type ? type.outside : null)

const TaskTypeAudience = builder.enumType('TaskTypeAudience', {
  description: 'Whose tasks may be of a type.',
  values: {
    OWNER: { description: 'Those of the user who registered it.' },
    EVERYBODY: { description: 'Everybody’s: it is built in, or an ADMIN registered it.' },
  } as const,
})

export const TaskTypeRef = builder.objectRef<KnownTaskType>('TaskType').implement({
  description: 'A kind of work that can be asked for.',
  fields: (t) => ({
    name: t.string({ description: 'What `taskCreate` takes as `type`.', resolve: (type) => ('outside' in type ? type.outside.name : type.builtIn.name) }),
    description: t.string({
      nullable: true,
      description: 'What it does.',
      resolve: (type) => ('outside' in type ? type.outside.description : type.builtIn.description),
    }),
    paramsSchema: t.field({
      ...weighs(LONG_VALUE),
      type: 'JSON',
      nullable: true,
      description: 'The JSON Schema of its params; null: any object will do.',
      resolve: (type, _args, ctx) => ('outside' in type ? schemasOf(ctx).load(type.outside.id) : paramsSchema(type.builtIn)),
    }),
    isBuiltIn: t.boolean({
      description: 'Whether servers run it. Otherwise programs elsewhere do, which claim its tasks.',
      resolve: (type) => 'builtIn' in type,
    }),
    audience: t.field({
      type: TaskTypeAudience,
      description: 'Whose tasks may be of it.',
      resolve: (type) => ('builtIn' in type || type.outside.isForAll ? 'EVERYBODY' : 'OWNER'),
    }),
    hasWorker: t.boolean({
      nullable: true,
      description: 'Whether a worker asked for its tasks within the last minute; null for a type that is built in.',
      resolve: (type) => outside(type)?.hasWorker ?? null,
    }),
    lastClaimedAt: t.field({
      type: 'DateTime',
      nullable: true,
      description: 'When a worker last asked for its tasks, to half a minute; null: none has, or it is built in.',
      resolve: (type) => toDateOrNull(outside(type)?.lastClaimedAtMs),
    }),
    registeredAt: t.field({
      type: 'DateTime',
      nullable: true,
      description: 'When it was registered first; null where it is built in.',
      resolve: (type) => toDateOrNull(outside(type)?.createdAtMs),
    }),
    maxAttempts: t.int({
      nullable: true,
      description: 'How many attempts its tasks have unless they say otherwise; null: 3.',
      resolve: (type) => defaults(type).maxAttempts ?? null,
    }),
    timeoutSeconds: t.int({
      nullable: true,
      description: 'Seconds an attempt may take unless a task says otherwise; null: as long as it needs.',
      resolve: (type) => defaults(type).timeoutSeconds ?? null,
    }),
    retryPolicy: t.field({
      type: 'JSON',
      nullable: true,
      description: 'How long its tasks wait before another attempt unless they say otherwise, as it was registered; null: as `RetryPolicyInput` says.',
      resolve: (type) => defaults(type).retryPolicy ?? null,
    }),
    rateLimit: t.int({
      nullable: true,
      description: 'How many of its tasks may start in `rateSeconds`; null: any number.',
      resolve: (type) => defaults(type).rateLimit ?? null,
    }),
    rateSeconds: t.int({ nullable: true, description: 'The period of `rateLimit`.', resolve: (type) => defaults(type).rateSeconds ?? null }),
    owner: t.prismaField({
      type: 'User',
      nullable: true,
      description: 'Who registered it; null where it is built in, or by somebody you may not see.',
      resolve: (query, type, _args, ctx) => {
        const registered = outside(type)
        const isSeen = registered && (seesAll(ctx.actor) || registered.ownerId === actorId(ctx.actor))
        return isSeen ? ctx.db.user.findUnique({ ...query, where: { id: registered.ownerId } }) : null
      },
    }),
  }),
})

const schemasOf = (ctx: Context) => ctx.loader('taskTypes:paramsSchema', () => siblings((ids) => outsideSchemas(ctx.reading, ids)))

builder.queryField('taskTypes', (t) =>
  t.field({
    type: [TaskTypeRef],
    description: 'What your tasks can be of, by name: the types of this server, those you registered, and those an ADMIN registered for everybody.',
    ...rights('TASKS_READ'),
    resolve: async (_root, _args, ctx): Promise<KnownTaskType[]> => {
      const { taskTypes } = ctx.app
      const registered = await outsideTypesSeen(ctx.reading)
      // One that was registered before the server had it itself is not run by its workers any more.
      const known: [string, KnownTaskType][] = [
        ...registered.map((type): [string, KnownTaskType] => [type.name, { outside: type }]),
        ...taskTypes.all.map((type): [string, KnownTaskType] => [type.name, { builtIn: type }]),
      ]
      return [...new Map(known)].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, type]) => type)
    },
  }),
)
