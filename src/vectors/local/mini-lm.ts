/** The engine. Only the process of the local model of embeddings may import this file. */
import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import path from 'node:path'
import { pathToFileURL } from 'node:url'
import { LOCAL_DIMENSIONS, LOCAL_MAX_TOKENS, type LocalEmbedding, type ModelFile } from './embedding-packages.ts'

export interface MiniLm {
  engine: 'native' | 'wasm'
  /** Of length 1. The same text has the same vector always: each is read by itself, for the numbers of a batch depend on one another. */
  embed(text: string): Promise<Float32Array>
}

/** As much of the engine as is used; the same for both kinds. */
interface Onnx {
  Tensor: new (type: 'int64', data: BigInt64Array, dims: number[]) => object
  InferenceSession: {
    create(
      model: Uint8Array,
      options?: object,
    ): Promise<{ run(inputs: Record<string, object>): Promise<Record<string, { data: Float32Array; dims: number[] }>> }>
  }
  env: { wasm: { numThreads?: number; wasmPaths?: string } }
}

interface Tokenizer {
  encode(text: string, options: object): { ids: number[] }
  token_to_id(token: string): number | undefined
}

/** No text has more characters in so many tokens; so much less to take apart. */
const MAX_CHARACTERS = LOCAL_MAX_TOKENS * 32

export async function loadMiniLm({ weights, tokenizer: words, tokenizerConfig, engine: files, tokenizersUrl, nativeEngine }: LocalEmbedding): Promise<MiniLm> {
  const [model, vocabulary, config] = await Promise.all([verified(weights), verified(words), verified(tokenizerConfig)])
  const { onnx, engine } = await loadEngine(files, nativeEngine)
  const { Tokenizer } = (await import(pathToFileURL(tokenizersUrl).href)) as { Tokenizer: new (vocabulary: object, config: object) => Tokenizer }
  const tokenizer = new Tokenizer(JSON.parse(vocabulary.toString('utf8')), JSON.parse(config.toString('utf8')))
  const end = tokenizer.token_to_id('[SEP]')
  if (end === undefined) throw new Error('The tokenizer does not know how a text ends.')
  const session = await onnx.InferenceSession.create(new Uint8Array(model), engine === 'native' ? { intraOpNumThreads: 1 } : {})
  const tensor = (numbers: readonly number[]) => new onnx.Tensor('int64', BigInt64Array.from(numbers, BigInt), [1, numbers.length])

  return {
    engine,
    async embed(text) {
      const { ids } = tokenizer.encode(text.slice(0, MAX_CHARACTERS), { add_special_tokens: true })
      const read = ids.length > LOCAL_MAX_TOKENS ? [...ids.slice(0, LOCAL_MAX_TOKENS - 1), end] : ids
      const { last_hidden_state: hidden } = await session.run({
        input_ids: tensor(read),
        attention_mask: tensor(read.map(() => 1)),
        token_type_ids: tensor(read.map(() => 0)),
      })
      if (hidden?.dims[2] !== LOCAL_DIMENSIONS) throw new Error(`The model answered ${hidden?.dims[2]} dimensions and should answer ${LOCAL_DIMENSIONS}.`)
      return meanOf(hidden.data, read.length)
    },
  }
}

/** The middle of what each token means; its length is made 1 by whoever keeps it. */
function meanOf(hidden: Float32Array, tokens: number): Float32Array {
  const mean = new Float32Array(LOCAL_DIMENSIONS)
  for (let token = 0; token < tokens; token++) for (let i = 0; i < LOCAL_DIMENSIONS; i++) mean[i] = mean[i]! + hidden[token * LOCAL_DIMENSIONS + i]! / tokens
  return mean
}

/** A native engine that does not run on this machine is passed over. */
async function loadEngine(files: readonly ModelFile[], native: string | null): Promise<{ onnx: Onnx; engine: MiniLm['engine'] }> {
  if (native) {
    const loaded = await import(pathToFileURL(native).href).catch(() => null)
    if (loaded) return { onnx: (loaded.default ?? loaded) as Onnx, engine: 'native' }
  }
  await Promise.all(files.map(verified))
  const onnx = (await import(pathToFileURL(files[0]!.path).href)) as Onnx
  // One thread: the server has work for the others.
  onnx.env.wasm.numThreads = 1
  onnx.env.wasm.wasmPaths = `${pathToFileURL(path.dirname(files[0]!.path)).href}/`
  return { onnx, engine: 'wasm' }
}

async function verified({ path: file, sha256 }: ModelFile): Promise<Buffer> {
  const bytes = await readFile(file)
  const found = createHash('sha256').update(bytes).digest('hex')
  if (found !== sha256) throw new Error(`The installed file ${path.basename(file)} is damaged: its sha256 is ${found} and should be ${sha256}.`)
  return bytes
}
