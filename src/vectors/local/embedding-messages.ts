/** What the server and the process of the local model of embeddings tell each other: one text at a time, in turn. */
import type { LocalEmbedding } from './embedding-packages.ts'

export type ToEmbedding = { kind: 'load'; embedding: LocalEmbedding } | { kind: 'embed'; order: number; text: string }

export type FromEmbedding =
  | { kind: 'ready'; engine: 'native' | 'wasm'; loadMs: number }
  | { kind: 'unloadable'; message: string }
  | { kind: 'embedded'; order: number; vector: Float32Array }
  | { kind: 'failed'; order: number; message: string }
