/** Started by a test that then kills it: a server whose local model is at work. Tells the model's pid when the moment has come. */
import { localModel } from '../../src/providers/local/local-model.ts'
import { ask, silent } from './kit.ts'

const [, , modelFolder, moment] = process.argv
const local = localModel({ enabled: true, modelFolder: modelFolder!, log: silent })
const parts = local.stream(local.models[0]!, ask('Tell me a long story.', { maxOutputTokens: 1000 }))
const first = parts.next()
// The process is started as soon as it is this request's turn, which is at once.
await (moment === 'loads' ? new Promise(setImmediate) : first)
console.log(local.pid())
for await (const _part of parts);
