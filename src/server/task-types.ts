/** What this program can run: the built-in task types, with what they need. */
import path from 'node:path'
import type { Logger } from 'pino'
import { type WebhookHost, webhookDeliver } from '../budgets/webhook-deliver.ts'
import type { Config } from '../config.ts'
import { conversationAnswer } from '../conversations/conversation-answer.ts'
import { messagesSearchOf } from '../conversations/messages-search.ts'
import type { Kept } from '../events/kept.ts'
import type { Catalogue } from '../providers/catalogue.ts'
import { createProviders, type OpenProviders } from '../providers/providers.ts'
import { searchClear } from '../search/search-clear-run.ts'
import { searchImport } from '../search/search-import-run.ts'
import { TaskTypes } from '../tasks/task-type.ts'
import { codeRun } from '../tasks/types/code-run.ts'
import { httpRequest } from '../tasks/types/http-request.ts'
import { textGenerate } from '../tasks/types/text-generate.ts'
import { valueKeep } from '../tasks/types/value-keep.ts'
import { createTools } from '../tools/create-tools.ts'
import type { Tools } from '../tools/tool.ts'
import { openMeter } from '../usage/call-meter.ts'
import type { Meter } from '../usage/meter.ts'
import type { FoundPrice } from '../usage/price-find.ts'
import { createEmbedders, type Embedders } from '../vectors/embedders.ts'
import { localEmbedder } from '../vectors/local/local-embedder.ts'
import { vectorsBuild } from '../vectors/vectors-build.ts'

export interface OpenTaskTypes {
  taskTypes: TaskTypes
  /** To be closed when nothing runs any more. */
  providers: OpenProviders
  tools: Tools
  /** To be closed like the providers. */
  embedders: Embedders
  /** Null where there is no database. */
  meter: Meter | null
}

/** The database, with what opens secrets and what providers it holds. */
export interface TaskTypesHost extends WebhookHost {
  catalogue: Catalogue
  prices: Kept<FoundPrice>
}

/** Without a host, as in a worker over the API, the providers are those of the environment, and nothing is metered. */
export function openTaskTypes(config: Config, log: Logger, host: TaskTypesHost | null = null): OpenTaskTypes {
  const providers = createProviders({
    openai: config.OPENAI,
    anthropic: config.ANTHROPIC,
    ollama: config.OLLAMA,
    localModel: config.LOCAL_MODEL,
    modelFolder: path.join(config.DATA_DIR, 'models'),
    addressRules: { privateHosts: config.PROVIDER_PRIVATE_HOSTS, loopback: !config.PRODUCTION },
    log,
    ...(host && { catalogue: host.catalogue }),
  })
  const tools = createTools({
    allowedHosts: config.HTTP_REQUEST_ALLOWED_HOSTS,
    ...(host && { messagesSearch: ({ ownerId, query, limit }) => messagesSearchOf(host.store, ownerId, { query, first: limit }) }),
  })
  const meter = host && openMeter(host.store, host.prices)
  const local = localEmbedder({ enabled: config.LOCAL_EMBEDDINGS, log })
  const embedders = createEmbedders({ providers, local, defaultModel: config.EMBEDDING_MODEL, meter })
  const taskTypes = new TaskTypes()
  taskTypes.register(textGenerate({ providers, tools, meter }))
  taskTypes.register(conversationAnswer({ providers, tools, meter, embedders, store: host?.store ?? null }))
  taskTypes.register(httpRequest(config.HTTP_REQUEST_ALLOWED_HOSTS))
  taskTypes.register(webhookDeliver(host, config.HTTP_REQUEST_ALLOWED_HOSTS))
  taskTypes.register(valueKeep())
  taskTypes.register(vectorsBuild(host && { store: host.store, embedders }))
  taskTypes.register(searchClear())
  taskTypes.register(searchImport(host?.store ?? null))
  if (config.CODE_RUN) taskTypes.register(codeRun())
  return { taskTypes, providers, tools, embedders, meter }
}
