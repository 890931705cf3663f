/** Loaded before a measured program: tells its parent on request how much processor time it has used, and ends with it. */
process.on('message', (message) => {
  if (message === 'cpu') process.send?.(process.cpuUsage())
})
process.on('disconnect', () => process.exit())
// The program decides when it ends, not the channel.
process.channel?.unref()
