/** Calls of providers that ended, as this process has committed it. */
import { counter, LONG, timer } from '../core/figures.ts'
import { registerCommitted } from '../events/committed.ts'
import type { UsageValues } from './usage.ts'

const of = ['provider', 'model']
const calls = timer({ name: 'holdfast_provider_call_seconds', help: 'Calls of providers, by how they ended.', labels: [...of, 'status'], bounds: LONG })
const firstTokens = timer({
  name: 'holdfast_provider_first_token_seconds',
  help: 'From a call to the first piece of its answer.',
  labels: of,
  bounds: LONG,
})
const tokens = counter({
  name: 'holdfast_provider_tokens',
  help: 'Tokens. Those that the provider had kept (cached_input) are in input too, those of reasoning in output.',
  labels: [...of, 'kind'],
  most: 400,
})
const cost = counter({ name: 'holdfast_provider_cost_usd', help: 'What calls of known price cost, in USD.', labels: of })
const unpriced = counter({ name: 'holdfast_provider_unpriced_calls', help: 'Calls whose price nobody knows; they are not in the cost.', labels: of })

registerCommitted('USAGE_ENDED', ({ data }) => {
  const call = data as unknown as UsageValues
  const { provider, model, status } = call
  calls.of(provider, model, status).putMs(call.durationMs ?? Number(call.endedAtMs) - call.startedAtMs)
  if (call.timeToFirstTokenMs !== null) firstTokens.of(provider, model).putMs(call.timeToFirstTokenMs)
  const kinds = { input: call.inputTokens, cached_input: call.cachedInputTokens, output: call.outputTokens, reasoning: call.reasoningTokens }
  for (const [kind, count] of Object.entries(kinds)) if (count) tokens.of(provider, model, kind).add(count)
  if (call.costMicroUsd === null) unpriced.of(provider, model).add()
  else cost.of(provider, model).add(call.costMicroUsd / 1e6)
})
