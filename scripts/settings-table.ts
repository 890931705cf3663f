/** The README's table of settings, made of the rules that read them; `test/config.test.ts` holds the README to it. */
import { SETTINGS } from '../src/config.ts'

export function settingsTable(): string {
  const rows = Object.entries(SETTINGS).map(([name, [rule, purpose]]) => {
    const given = rule.safeParse(undefined)
    const kept = given.success ? given.data : undefined
    const text = kept === true ? 'on' : kept === false ? 'off' : Array.isArray(kept) ? kept.join(',') : kept === undefined ? '' : String(kept)
    return `| \`${name}\` | ${text && `\`${text}\``} | ${purpose.replaceAll('|', '\\|')} |`
  })
  return ['| Variable | Default | What it is |', '| --- | --- | --- |', ...rows].join('\n')
}

if (process.argv[1]?.endsWith('settings-table.ts')) console.log(settingsTable())
