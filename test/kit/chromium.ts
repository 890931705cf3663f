/** A browser to look at pages with, where there is one. */
import { existsSync } from 'node:fs'
import { type Browser, chromium } from 'playwright-core'

const executablePath = [process.env.CHROMIUM_PATH, '/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'].find(
  (file) => file && existsSync(file),
)

if (!executablePath) {
  if (process.env.CI) throw new Error('There is no Chromium, and in CI there must be. CHROMIUM_PATH says where it is.')
  console.warn('\n  NO PAGE IS TRIED IN A BROWSER: there is no Chromium. Set CHROMIUM_PATH.\n')
}

export const hasChromium = executablePath !== undefined

/** Headless, with nothing that would call home. */
export const openBrowser = (): Promise<Browser> =>
  chromium.launch({
    executablePath: executablePath!,
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
    ],
  })
