import { readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { expect, test } from 'vitest'

/** Left to right: a file imports its own layer, or one to the left. */
const LAYERS = ['core', 'config', 'db', 'events', 'room', 'graphql', 'server', 'main'] as const

function layerOf(file: string): (typeof LAYERS)[number] {
  const [first] = file.split('/')
  if (file === 'config.ts' || file === 'secrets.ts') return 'config'
  if (first === 'generated') return 'core'
  if (file.endsWith('.graphql.ts') || first === 'graphql') return 'graphql'
  if (first === 'core' || first === 'db' || first === 'events' || first === 'server') return first
  return first === 'main.ts' || first === 'worker.ts' ? 'main' : 'room'
}

const isOfClient = (file: string) => file.startsWith('client/')

const files = readdirSync('src', { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.ts') && !file.startsWith('generated'))
const imports = files.flatMap((file) =>
  [
    ...readFileSync(path.join('src', file), 'utf8').matchAll(/^(?:import|export) (type )?[^'"]*?from '(\.[^']+)'|import\('(\.[^']+)'\)|^import '(\.[^']+)'/gm),
  ].map(([, typeOnly, from, lazy, bare]) => ({
    file,
    target: path.join(path.dirname(file), (from ?? lazy ?? bare)!),
    isType: Boolean(typeOnly),
    isLazy: Boolean(lazy),
  })),
)

test('every file imports its own layer or one to the left', () => {
  const wrong = imports.filter(({ file, target, isType }) => !isType && LAYERS.indexOf(layerOf(target)) > LAYERS.indexOf(layerOf(file)))
  expect(wrong.map(({ file, target }) => `${file} (${layerOf(file)}) imports ${target} (${layerOf(target)})`)).toEqual([])
})

test('the domain never imports GraphQL', () => {
  const domain = files.filter((file) => ['core', 'config', 'db', 'events', 'room'].includes(layerOf(file)))
  const wrong = domain.filter((file) => /from '(graphql|graphql-yoga|@pothos\/[^']+)'/.test(readFileSync(path.join('src', file), 'utf8')))
  expect(wrong).toEqual([])
})

test('only the schema knows the rooms’ GraphQL, and only server and main know the schema', () => {
  const builderImports = imports.filter(({ file, target }) => file === 'graphql/builder.ts' && layerOf(target) === 'room')
  const schemaImports = imports.filter(({ file, target }) => target === 'graphql/schema.ts' && !['server', 'main'].includes(layerOf(file)))
  expect([...builderImports, ...schemaImports].map(({ file, target }) => `${file} imports ${target}`)).toEqual([])
})

test('there are no circles between plain files', () => {
  const edges = new Map<string, string[]>()
  for (const { file, target, isType, isLazy } of imports)
    if (!isType && !isLazy && !file.endsWith('.graphql.ts')) edges.set(file, [...(edges.get(file) ?? []), target])
  const circles: string[] = []
  const done = new Set<string>()
  const visit = (file: string, way: string[]): void => {
    if (way.includes(file)) circles.push([...way.slice(way.indexOf(file)), file].join(' → '))
    else if (!done.has(file)) for (const target of edges.get(file) ?? []) visit(target, [...way, file])
    done.add(file)
  }
  for (const file of files) visit(file, [])
  expect(circles).toEqual([])
})

test('the client imports nothing of the server, nor of Node, and the server nothing of the client', () => {
  const across = imports.filter(({ file, target }) => isOfClient(file) !== isOfClient(target))
  expect(across.map(({ file, target }) => `${file} imports ${target}`)).toEqual([])
  const packages = files
    .filter(isOfClient)
    .flatMap((file) => [...readFileSync(path.join('src', file), 'utf8').matchAll(/^(?:import|export) [^'"]*?from '([^'.][^']*)'/gm)].map(([, name]) => name))
  expect([...new Set(packages)]).toEqual(['uuid'])
})

test('only the configuration reads the environment', () => {
  const readers = files.filter((file) => file !== 'config.ts' && readFileSync(path.join('src', file), 'utf8').includes('process.env'))
  expect(readers).toEqual([])
})
