/** Holdfast itself, as anyone would start it, with a user who is not its ADMIN. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { type Child, startChild } from './child.ts'
import { dataOf, type Post, poster } from './load.ts'

export interface Holdfast extends Child {
  url: string
  /** As its user. */
  post: Post
  headers: Record<string, string>
}

export async function startHoldfast(databaseUrl: string, env: Record<string, string> = {}, connections = 16, program = 'src/main.ts'): Promise<Holdfast> {
  const folder = mkdtempSync(path.join(tmpdir(), 'holdfast-bench-'))
  // However this program ends: the server ends with it.
  process.on('exit', () => rmSync(folder, { recursive: true, force: true }))
  const child = await startChild(
    program,
    {
      DATABASE_URL: databaseUrl,
      DATA_DIR: folder,
      PORT: '0',
      TASK_CONCURRENCY: '0',
      LOCAL_MODEL: 'off',
      RATE_LIMIT_REQUESTS_PER_SECOND: '1000000',
      ...env,
    },
    'url',
  )
  const url = child.ready.url!
  const anonymous = poster(url, connections)
  const register = async (name: string): Promise<string> => {
    const query = `mutation { userRegister(input: { email: "${name}@example.com", password: "correct horse battery", displayName: "${name}" }) { tokens { accessToken } userErrors { message } } }`
    return dataOf<{ userRegister: { tokens: { accessToken: string } } }>(await anonymous(JSON.stringify({ query }))).userRegister.tokens.accessToken
  }
  await register('admin')
  const headers = { authorization: `Bearer ${await register('user')}` }
  return {
    ...child,
    url,
    headers,
    post: (body) => anonymous(body, headers),
  }
}
