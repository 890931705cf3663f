/** Vectors as they are kept: directions of length 1, as float32, little-endian. */
import { endianness } from 'node:os'
import { VectorInvalid } from './vector-errors.ts'
import { MAX_DIMENSIONS } from './vector-set.ts'

/** Of length 1, so that their products are cosines. Throws where there is no direction in it. */
export function direction(model: string, vector: Float32Array): Float32Array {
  if (!vector.length || vector.length > MAX_DIMENSIONS) throw new VectorInvalid(model, `a vector of ${vector.length} dimensions`)
  let squares = 0
  for (const number of vector) squares += number * number
  if (!Number.isFinite(squares)) throw new VectorInvalid(model, 'a vector with something in it that is no number')
  if (squares === 0) throw new VectorInvalid(model, 'a vector of zeros')
  const length = Math.sqrt(squares)
  return vector.map((number) => number / length)
}

const isLittle = endianness() === 'LE'

export function toBytes(vector: Float32Array): Uint8Array {
  const bytes = Buffer.from(vector.buffer.slice(vector.byteOffset, vector.byteOffset + vector.byteLength))
  return isLittle ? bytes : bytes.swap32()
}

export function fromBytes(bytes: Uint8Array): Float32Array {
  // A copy, for what comes from a database need not lie at a multiple of four.
  const copy = Buffer.from(Uint8Array.from(bytes).buffer)
  if (!isLittle) copy.swap32()
  return new Float32Array(copy.buffer, copy.byteOffset, copy.byteLength / 4)
}
