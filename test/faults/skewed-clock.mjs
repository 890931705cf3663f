/** Loaded before a program: its clock is off by CLOCK_SKEW_MS, as that of a machine nobody has set. Timers run as they do. */
const skew = Number(process.env.CLOCK_SKEW_MS)
const RealDate = Date

globalThis.Date = class extends RealDate {
  constructor(...given) {
    super(...(given.length ? given : [RealDate.now() + skew]))
  }

  static now() {
    return RealDate.now() + skew
  }
}
