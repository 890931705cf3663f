/** What every process of this program does: read the configuration, tell what speaks against it, stop when it is asked to. */
import type { Logger } from 'pino'
import { type Config, ConfigInvalid, readConfig } from '../config.ts'

/** Says why on standard error, and ends. */
export function fail(error: unknown): never {
  process.stderr.write(
    `${error instanceof ConfigInvalid ? error.message : `Holdfast cannot start: ${error instanceof Error ? error.message : String(error)}`}\n`,
  )
  process.exit(1)
}

export function configOrEnd(): Config {
  try {
    return readConfig()
  } catch (error) {
    return fail(error)
  }
}

/** Nothing goes on after an error that nobody caught. */
export function endOnErrors(log: Logger): void {
  process.on('unhandledRejection', (error) => log.error({ err: error }, 'A promise was rejected and nobody listened.'))
  process.on('uncaughtException', (error) => {
    // In an unknown state nothing should go on; what was acknowledged is on disk, and what ran is taken up again.
    log.fatal({ err: error }, 'An error was not caught; the process ends.')
    process.exit(70)
  })
}

/** Stops properly at SIGTERM and SIGINT; at the second one, and should it take too long, at once. */
export function stopOnSignals(log: Logger, stop: () => Promise<void>): void {
  let stopping = false
  const end = async (signal: string) => {
    if (stopping) process.exit(130)
    stopping = true
    log.info({ signal }, 'Holdfast stops.')
    // Whatever hangs, the process ends: leases see to the rest.
    setTimeout(() => process.exit(1), 20_000).unref()
    try {
      await stop()
      process.exit(0)
    } catch (error) {
      log.error({ err: error }, 'The process could not stop properly.')
      process.exit(1)
    }
  }
  process.on('SIGTERM', () => void end('SIGTERM'))
  process.on('SIGINT', () => void end('SIGINT'))
}
