import { expect, test } from 'vitest'
import { secretsFrom } from '../../src/secrets.ts'

const secrets = secretsFrom('a secret that is long enough for a test')
const sealed = secrets.seal('provider-key', 'sk-test-ключ', 'row-1')

test('what is sealed opens again at its place, and does not show what it holds', () => {
  expect(secrets.unseal('provider-key', sealed, 'row-1')).toBe('sk-test-ключ')
  expect(Buffer.from(sealed).includes('sk-test')).toBe(false)
  expect(secretsFrom('a secret that is long enough for a test').unseal('provider-key', sealed, 'row-1')).toBe('sk-test-ключ')
})

test('the same text is sealed otherwise each time', () => {
  expect(Buffer.from(secrets.seal('provider-key', 'sk-test-ключ', 'row-1')).equals(Buffer.from(sealed))).toBe(false)
})

test.each([
  ['at another place', () => secrets.unseal('provider-key', sealed, 'row-2')],
  ['for another purpose', () => secrets.unseal('webhook-secret', sealed, 'row-1')],
  ['with another secret', () => secretsFrom('another secret that is long enough').unseal('provider-key', sealed, 'row-1')],
  [
    'with a byte changed',
    () =>
      secrets.unseal(
        'provider-key',
        sealed.map((byte, i) => (i === sealed.length - 1 ? byte ^ 1 : byte)),
        'row-1',
      ),
  ],
  ['cut short', () => secrets.unseal('provider-key', sealed.subarray(0, 20), 'row-1')],
])('it does not open %s', (_how, open) => {
  expect(open).toThrow()
})
