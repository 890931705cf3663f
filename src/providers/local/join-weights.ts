import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { mkdir, open, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import path from 'node:path'
import type { Weights } from './local-messages.ts'

const abandonedAfterMs = 10 * 60_000

/**
 * Puts the weights together in `folder` and answers the path of the whole file. It is hashed once: afterwards its size and
 * the marker beside it are trusted. Two processes may do this at the same time: each writes a file of its own, and whole
 * files replace each other.
 */
export async function joinWeights(folder: string, weights: Weights): Promise<string> {
  const file = path.join(folder, weights.fileName)
  const marker = `${file}.verified`
  const proof = `${weights.sha256} ${weights.bytes}\n`
  const hasRightSize = (await stat(file).catch(() => null))?.size === weights.bytes
  if (hasRightSize && (await readFile(marker, 'utf8').catch(() => '')) === proof) return file

  // Without its marker, a file may be whole all the same: whoever joined it ended just before writing the marker.
  if (!hasRightSize || (await sha256Of(file)) !== weights.sha256) await join(folder, file, weights)
  await writeFile(marker, proof)
  return file
}

async function join(folder: string, file: string, weights: Weights): Promise<void> {
  await mkdir(folder, { recursive: true })
  await removeAbandoned(folder, weights.fileName)
  const joining = `${file}.${process.pid}-${Math.random().toString(36).slice(2)}.joining`
  try {
    const hash = createHash('sha256')
    const target = await open(joining, 'wx')
    try {
      for (const part of weights.parts)
        for await (const piece of createReadStream(part, { highWaterMark: 1 << 20 })) {
          hash.update(piece)
          await target.appendFile(piece)
        }
      // Else a power cut could leave a file of the right name and size, full of zeros.
      await target.sync()
    } finally {
      await target.close()
    }
    const found = hash.digest('hex')
    if (found !== weights.sha256) throw new Error(`The installed weights are damaged: joined, their sha256 is ${found} and should be ${weights.sha256}.`)
    await rename(joining, file)
  } catch (error) {
    await rm(joining, { force: true })
    throw error
  }
}

/** Files of a joining that was killed; one that is being written is younger. */
async function removeAbandoned(folder: string, fileName: string): Promise<void> {
  for (const name of await readdir(folder)) {
    if (!name.startsWith(fileName) || !name.endsWith('.joining')) continue
    const found = await stat(path.join(folder, name)).catch(() => null)
    if (found && Date.now() - found.mtimeMs > abandonedAfterMs) await rm(path.join(folder, name), { force: true })
  }
}

async function sha256Of(file: string): Promise<string> {
  const hash = createHash('sha256')
  for await (const piece of createReadStream(file, { highWaterMark: 1 << 20 })) hash.update(piece)
  return hash.digest('hex')
}
