/** GraphiQL as a newcomer uses it: its tabs work as they are, and nothing is loaded from elsewhere. */
import { LLMock } from '@copilotkit/aimock'
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { buildSchema } from '../../src/graphql/schema.ts'
import { serve } from '../../src/server/serve.ts'
import { hasChromium, openBrowser } from '../kit/chromium.ts'
import { openWorld, type World } from '../kit/world.ts'

const ANSWER = 'Because the air scatters blue light more than red.'

describe.skipIf(!hasChromium)('GraphiQL in a browser', () => {
  const model = new LLMock({ port: 0 })
  let world: World
  let server: Awaited<ReturnType<typeof serve>>
  let browser: Browser
  let page: Page
  const elsewhere: string[] = []

  beforeAll(async () => {
    await model.start()
    model.onMessage('sky', { content: ANSWER }, { chunkSize: 6, latency: 5 })
    world = await openWorld('sqlite', { env: { OPENAI_BASE_URL: `${model.url}/v1`, GRAPHIQL: 'on', PORT: '0' } })
    server = await serve(world.app, buildSchema())
    browser = await openBrowser()
    page = await browser.newPage()
    page.on('request', (request) => {
      if (!request.url().startsWith(server.url) && !/^(data|blob):/.test(request.url())) elsewhere.push(request.url())
    })
    await page.goto(server.url)
    await page.waitForSelector('.graphiql-execute-button')
  })

  afterAll(async () => {
    await browser?.close()
    await server?.close()
    await world?.close()
    await model.stop()
  })

  /** Opens a tab, runs it, and waits until its result says so. */
  const runTab = async (name: string, expected: RegExp): Promise<void> => {
    await page.evaluate((title) => (document.querySelector(`.graphiql-tab-button[title="${title}"]`) as HTMLElement).click(), name)
    await page.waitForFunction((title) => document.querySelector('.graphiql-tab-active')?.textContent?.includes(title), name)
    // GraphiQL takes a moment to see which operation the tab holds, and shows nothing that could be waited for.
    await page.waitForTimeout(1500)
    await page.click('.graphiql-execute-button')
    await page.waitForFunction(
      (pattern) => new RegExp(pattern).test((document.querySelector('.result-window') as HTMLElement)?.innerText.replace(/\s+/g, ' ')),
      expected.source,
    )
  }

  test('registers, generates, follows the stream to its end and looks around, tab after tab, as they are', { timeout: 60_000 }, async () => {
    await runTab('Register', /"ADMIN"/)
    await runTab('Generate', /"Stream:/)
    await runTab('Follow', /"COMPLETED"/)
    await runTab('Overview', /"ada@example.com"/)
    await runTab('LogIn', /"accessToken"/)
    const stream = await world.client.stream.findFirstOrThrow({ include: { chunks: { orderBy: { seq: 'asc' } } } })
    expect(stream.chunks.map((chunk) => Buffer.from(chunk.content).toString()).join('')).toBe(ANSWER)
  })

  test('loads nothing from elsewhere', () => {
    expect(elsewhere).toEqual([])
  })
})
