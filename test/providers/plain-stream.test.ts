import { expect, it } from 'vitest'
import { plainStream } from '../../src/providers/plain-stream.ts'
import { ProviderFailed } from '../../src/providers/provider-errors.ts'

it('A model that is left because it takes too long was late, and did not refuse: what it was given is paid', async () => {
  const parts = plainStream(
    'local',
    { messages: [{ role: 'user', content: 'Say something.' }], model: null, callTimeoutMs: 5, signal: new AbortController().signal },
    async function* (_messages, signal) {
      return new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)))
    },
  )
  const failure = await parts.next().then(
    () => null,
    (error: unknown) => error,
  )
  expect(failure).toBeInstanceOf(ProviderFailed)
  expect(failure).toMatchObject({ isLate: true, retryable: true })
})
