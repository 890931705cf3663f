import { expect, test } from 'vitest'
import { isPublicAddress, mayConnect, namesRefusedAddress } from '../../src/core/private-addresses.ts'

test.each(['8.8.8.8', '1.1.1.1', '2606:4700::1111', '172.32.0.1'])('%s is public', (address) => {
  expect(isPublicAddress(address)).toBe(true)
})

test.each([
  ['127.0.0.1', '127.9.9.9', '::1', '::ffff:127.0.0.1', '0.0.0.0', '::'],
  ['10.0.0.1', '172.16.0.1', '192.168.1.1', '100.64.0.1', 'fd00::1', 'fec0::1'],
  ['169.254.169.254', '::ffff:a9fe:a9fe', '64:ff9b::a9fe:a9fe', '2002:7f00:1::', 'fe80::1', 'fd00:ec2::254', '168.63.129.16', '100.100.100.200'],
  ['224.0.0.1', 'ff02::1', '255.255.255.255', '240.0.0.1', '198.18.0.1', '2001:db8::1'],
])('%s and the like are not', (...addresses) => {
  expect(addresses.filter(isPublicAddress)).toEqual([])
})

test('a private address is reached where the operator names its host and port, and no other', () => {
  const rules = { privateHosts: ['llm.internal', '10.0.0.5:8000'], loopback: false }
  expect(mayConnect(rules, new URL('http://llm.internal/v1'), '10.1.1.1')).toBe(true)
  expect(mayConnect(rules, new URL('http://llm.internal:81/v1'), '10.1.1.1')).toBe(false)
  expect(mayConnect(rules, new URL('http://10.0.0.5:8000/v1'), '10.0.0.5')).toBe(true)
  expect(mayConnect(rules, new URL('http://elsewhere/v1'), '10.0.0.5')).toBe(false)
  expect(mayConnect(rules, new URL('http://elsewhere/v1'), '127.0.0.1')).toBe(false)
  expect(mayConnect({ ...rules, loopback: true }, new URL('http://localhost:11434'), '::ffff:127.0.0.1')).toBe(true)
  expect(mayConnect({ ...rules, loopback: true }, new URL('http://elsewhere'), '169.254.169.254')).toBe(false)
})

test.each(['http://2130706433/', 'http://0x7f.1/', 'http://[::ffff:7f00:1]/', 'http://127.1/'])('%s is the address it stands for', (url) => {
  expect(namesRefusedAddress({ privateHosts: [], loopback: false }, new URL(url))).toBe(true)
})
