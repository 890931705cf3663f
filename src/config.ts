/** The only reader of the environment. Every setting has a default that runs; every fault is told at once, with what to do. */
import path from 'node:path'
import { z } from 'zod'

const flag = z.enum(['on', 'off']).transform((word) => word === 'on')
const whole = (min: number, max: number) => z.coerce.number().int().min(min).max(max)
const list = z.string().transform((text) =>
  text
    .split(',')
    .map((word) => word.trim())
    .filter(Boolean),
)
const url = z.string().regex(/^https?:\/\//, 'must begin with http:// or https://')

/** One entry a variable: its rule, its default, and what it is for (the README's table is held against this). */
export const SETTINGS = {
  DATABASE_URL: [
    z
      .string()
      .regex(/^(file:.+|postgres(ql)?:\/\/.+)$/, 'must read file:… or postgresql://…')
      .optional(),
    'Where the data is: `file:<path>` (SQLite) or `postgresql://…`. Default: `file:<DATA_DIR>/holdfast.db`.',
  ],
  PG_DSN: [
    z
      .string()
      .regex(/^postgres(ql)?:\/\/.+/, 'must read postgresql://…')
      .optional(),
    'Another name for a PostgreSQL `DATABASE_URL`.',
  ],
  POSTGRES_HOST: [z.string().optional(), 'PostgreSQL by parts, instead of a URL.'],
  POSTGRES_PORT: [whole(1, 65535).default(5432), 'With `POSTGRES_HOST`.'],
  POSTGRES_DB: [z.string().default('holdfast'), 'With `POSTGRES_HOST`.'],
  POSTGRES_USER: [z.string().default('holdfast'), 'With `POSTGRES_HOST`.'],
  POSTGRES_PASSWORD: [z.string().default(''), 'With `POSTGRES_HOST`.'],
  POSTGRES_POOL: [whole(2, 200).default(10), 'Connections a server holds to PostgreSQL; one more listens for changes.'],
  SQLITE_SYNCHRONOUS: [
    z.enum(['FULL', 'NORMAL']).default('FULL'),
    '`FULL` keeps every commit through a power loss; `NORMAL` is faster and may lose the last ones then (never at a crash of the server).',
  ],
  DATA_DIR: [z.string().min(1).default('./data'), 'Folder of the SQLite file, the secret and the joined model weights.'],
  HOST: [z.string().min(1).default('127.0.0.1'), 'Address to listen on.'],
  PORT: [whole(0, 65535).default(4000), 'Port to listen on; 0 takes a free one.'],
  NODE_ENV: [z.string().default('development'), '`production`: no GraphiQL unless asked for, no introspection for strangers.'],
  LOG_LEVEL: [z.enum(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent']).default('info'), 'How much is logged (JSON lines on standard output).'],
  HOLDFAST_SECRET: [
    z.string().min(32, 'must have at least 32 characters').optional(),
    'The secret all tokens are signed with. Made on first start and kept in `DATA_DIR/secret` (mode 0600) unless given; servers on one database need the same.',
  ],
  REGISTRATION: [z.enum(['open', 'closed']).default('open'), 'Whether strangers may register. The first user of an empty installation always may.'],
  RATE_LIMITS: [flag.default(true), '`on` or `off`.'],
  RATE_LIMIT_REQUESTS_PER_SECOND: [whole(1, 1_000_000).default(1000), 'Operations a second for one user, or for one address without a user.'],
  RATE_LIMIT_REGISTRATIONS_PER_MINUTE: [whole(1, 100_000).default(20), 'Registrations a minute from one address.'],
  RATE_LIMIT_LOGINS_PER_MINUTE: [whole(1, 100_000).default(120), 'Logins, refreshes and changes of a password a minute from one address.'],
  TRUST_PROXY: [whole(0, 10).default(0), 'How many proxies stand in front whose `X-Forwarded-For` entries are believed.'],
  CORS_ORIGINS: [list.default([]), 'Origins, comma-separated, whose pages may call the API. Default: none but the server’s own.'],
  GRAPHIQL: [flag.optional(), '`on` or `off`. Default: on outside production.'],
  MAX_BODY_BYTES: [whole(1024, 100_000_000).default(1_000_000), 'Largest HTTP body and socket message.'],
  MAX_DEPTH: [whole(3, 100).default(15), 'Deepest nesting of a query.'],
  MAX_COST: [whole(10, 10_000_000).default(10_000), 'Highest cost of a query, counted with `first`/`last`.'],
  MAX_TOKENS: [whole(50, 100_000).default(4000), 'Longest query, in GraphQL tokens.'],
  MAX_ALIASES: [whole(1, 10_000).default(50), 'Most aliases in a query.'],
  MAX_SUBSCRIPTIONS_PER_SOCKET: [whole(1, 100_000).default(100), 'Subscriptions open at once on one socket.'],
  ACCESS_TOKEN_MINUTES: [whole(1, 1440).default(15), 'Life of an access token.'],
  REFRESH_TOKEN_DAYS: [whole(1, 3650).default(30), 'Life of a session without use.'],
  ARGON2_MEMORY_KIB: [whole(8192, 4_194_304).default(19_456), 'argon2id memory; the default is the minimum OWASP recommends.'],
  ARGON2_TIME_COST: [whole(1, 100).default(2), 'argon2id passes.'],
  ARGON2_PARALLELISM: [whole(1, 64).default(1), 'argon2id lanes.'],
  ARGON2_CONCURRENCY: [whole(1, 64).default(2), 'Passwords hashed at once; the others wait.'],
  EVENT_RETENTION_DAYS: [whole(1, 3650).default(30), 'How long the log of changes is kept; older cursors are `CURSOR_EXPIRED`.'],
  TASK_ARCHIVE_AFTER_DAYS: [
    whole(1, 36_500).optional(),
    'Tasks that ended so long ago, and were not touched since, are put away (`archivedAt`). Default: never.',
  ],
  TASK_DELETE_AFTER_DAYS: [
    whole(1, 36_500).optional(),
    'Tasks that ended so long ago are removed with their streams, unless another task that goes on depends on them. Default: never.',
  ],
  STREAM_COMPACT_AFTER_MINUTES: [
    whole(0, 43_200).default(60),
    'So long after its end a stream’s chunks are merged into few rows. Whoever reads does not notice; it takes a fraction of the space.',
  ],
  STREAM_RETENTION_DAYS: [
    whole(30, 36_500).optional(),
    'So long after its end what a stream said is removed; the stream itself stays and says so. At least 30. Default: never.',
  ],
  MAX_EVENT_STREAMS_PER_USER: [whole(1, 100_000).default(100), 'Connections to `/streams/…` that a user may have open at once on one server.'],
  TASK_CONCURRENCY: [whole(0, 1000).default(8), 'Tasks this server, or worker, works on at once; 0: it only serves the API.'],
  WORKER_TYPES: [list.default([]), 'For `npm run worker`: the task types it works on, comma-separated. Default: all.'],
  HOLDFAST_URL: [url.optional(), 'For `npm run worker` where the database is SQLite, and for the examples: where the server is, as `http://127.0.0.1:4000`.'],
  HOLDFAST_API_KEY: [z.string().min(1).optional(), 'For `npm run worker` over the API: a key of an ADMIN with the scopes `TASKS_WORK` and `STREAMS_WRITE`.'],
  HTTP_REQUEST_ALLOWED_HOSTS: [
    list.default([]),
    'Hosts, comma-separated, that tasks of type `http.request` and the tool `http.get` may call (`example.com`, `*.example.com`, `127.0.0.1:8080`), and webhooks too where their addresses are private. Default: none.',
  ],
  CODE_RUN: [
    flag.optional(),
    '`on` or `off`: whether tasks of type `code.run` may run snippets (JavaScript, Python) in their sandbox. Default: on outside production.',
  ],
  OPENAI_API_KEY: [z.string().min(1).optional(), 'Key for OpenAI or a compatible server.'],
  OPENAI_BASE_URL: [
    url.optional(),
    'Base URL of an OpenAI-compatible server, e.g. `http://127.0.0.1:11434/v1` for Ollama. Default with a key: `https://api.openai.com/v1`.',
  ],
  OPENAI_MODEL: [z.string().min(1).default('gpt-4o-mini'), 'Model where a task names none.'],
  ANTHROPIC_API_KEY: [z.string().min(1).optional(), 'Key for Anthropic.'],
  ANTHROPIC_BASE_URL: [url.optional(), 'Base URL of a server that speaks as Anthropic does. Default with a key: `https://api.anthropic.com/v1`.'],
  ANTHROPIC_MODEL: [z.string().min(1).default('claude-haiku-4-5'), 'Model of Anthropic where a task names none.'],
  OLLAMA_URL: [url.optional(), 'Where an Ollama is, e.g. `http://127.0.0.1:11434`.'],
  OLLAMA_MODEL: [z.string().min(1).optional(), 'Model of Ollama where a task names none. Default: the first that it lists.'],
  PROVIDER_PRIVATE_HOSTS: [
    list.default([]),
    'Hosts with private addresses, comma-separated, that model providers set up over the API may have (`llm.internal`, `10.0.0.5:8000`). Default: none; outside production this machine itself.',
  ],
  PROVIDER_SYNC_MINUTES: [
    whole(0, 525_600).default(1440),
    'How often the models of providers set up by the environment are listed anew, until an ADMIN sets it otherwise; 0: only by hand.',
  ],
  LOCAL_MODEL: [flag.default(true), 'Whether the small local model may run, where it is installed.'],
  LOCAL_EMBEDDINGS: [flag.default(true), 'Whether the small local model of embeddings may run, where it is installed.'],
  EMBEDDING_MODEL: [
    z
      .string()
      .regex(/^[^/]+\/.+$/, 'must read provider/model')
      .max(200)
      .optional(),
    'Model that makes vectors of texts where nobody names one, as `openai/text-embedding-3-small`. Default: `local/all-minilm-l6-v2`, the one on this machine.',
  ],
} as const satisfies Record<string, readonly [z.ZodType, string]>

type Name = keyof typeof SETTINGS
type Settings = { [N in Name]: z.output<(typeof SETTINGS)[N][0]> }

export interface Config extends Omit<Settings, 'DATABASE_URL' | 'GRAPHIQL' | 'CODE_RUN'> {
  DATABASE_URL: string
  GRAPHIQL: boolean
  CODE_RUN: boolean
  PRODUCTION: boolean
  OPENAI: { apiKey: string | null; baseUrl: string; defaultModel: string } | null
  ANTHROPIC: { apiKey: string | null; baseUrl: string; defaultModel: string } | null
  OLLAMA: { baseUrl: string; defaultModel: string | null } | null
}

export class ConfigInvalid extends Error {
  constructor(readonly faults: string[]) {
    super(`The configuration has ${faults.length === 1 ? 'a fault' : `${faults.length} faults`}:\n${faults.map((fault) => `  - ${fault}`).join('\n')}`)
    this.name = 'ConfigInvalid'
  }
}

/** The process's variables, and those of a file `.env` that it does not set itself. */
function environment(): Record<string, string | undefined> {
  try {
    process.loadEnvFile()
  } catch (error) {
    // There need not be one.
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
  }
  return process.env
}

/** Reads and checks the whole configuration. An empty variable counts as not set. */
export function readConfig(env: Record<string, string | undefined> = environment()): Config {
  const faults: string[] = []
  const read = {} as Record<string, unknown>
  for (const [name, [rule, purpose]] of Object.entries(SETTINGS)) {
    const result = rule.safeParse(env[name] === '' ? undefined : env[name])
    if (result.success) read[name] = result.data
    else faults.push(`${name}: ${result.error.issues.map((issue) => issue.message).join('; ')}. ${purpose}`)
  }
  const settings = read as Settings
  const given = [settings.DATABASE_URL && 'DATABASE_URL', settings.PG_DSN && 'PG_DSN', settings.POSTGRES_HOST && 'POSTGRES_HOST'].filter(Boolean)
  if (given.length > 1) faults.push(`${given.join(' and ')} are both set: keep one of them, it says where the data is.`)
  if (faults.length) throw new ConfigInvalid(faults)

  const byParts = settings.POSTGRES_HOST
    ? `postgresql://${encodeURIComponent(settings.POSTGRES_USER)}${settings.POSTGRES_PASSWORD && `:${encodeURIComponent(settings.POSTGRES_PASSWORD)}`}@${settings.POSTGRES_HOST.startsWith('/') ? `localhost/${settings.POSTGRES_DB}?host=${encodeURIComponent(settings.POSTGRES_HOST)}` : `${settings.POSTGRES_HOST}:${settings.POSTGRES_PORT}/${settings.POSTGRES_DB}`}`
    : undefined
  const production = settings.NODE_ENV === 'production'
  return {
    ...settings,
    DATABASE_URL: settings.DATABASE_URL ?? settings.PG_DSN ?? byParts ?? `file:${path.join(settings.DATA_DIR, 'holdfast.db')}`,
    GRAPHIQL: settings.GRAPHIQL ?? !production,
    CODE_RUN: settings.CODE_RUN ?? !production,
    PRODUCTION: production,
    OPENAI:
      settings.OPENAI_API_KEY || settings.OPENAI_BASE_URL
        ? { apiKey: settings.OPENAI_API_KEY ?? null, baseUrl: settings.OPENAI_BASE_URL ?? 'https://api.openai.com/v1', defaultModel: settings.OPENAI_MODEL }
        : null,
    ANTHROPIC:
      settings.ANTHROPIC_API_KEY || settings.ANTHROPIC_BASE_URL
        ? {
            apiKey: settings.ANTHROPIC_API_KEY ?? null,
            baseUrl: settings.ANTHROPIC_BASE_URL ?? 'https://api.anthropic.com/v1',
            defaultModel: settings.ANTHROPIC_MODEL,
          }
        : null,
    OLLAMA: settings.OLLAMA_URL ? { baseUrl: settings.OLLAMA_URL, defaultModel: settings.OLLAMA_MODEL ?? null } : null,
  }
}
