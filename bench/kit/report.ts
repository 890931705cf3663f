/** Loaded before a measured program: tells its parent on request how much processor time and memory it has used, and ends with it. */
process.on('message', (message) => {
  if (message === 'cpu') process.send?.(process.cpuUsage())
  if (message === 'rss') process.send?.(process.memoryUsage.rss())
})
process.on('disconnect', () => process.exit())
// The program decides when it ends, not the channel.
process.channel?.unref()
