/** What a socket needs beyond the protocol: to be written to as fast as it reads, and to be dropped when it is dead. */
import type { WebSocket } from 'ws'

/** Past this a socket's messages are no longer read until it has taken what it was sent. */
const MAX_BUFFERED_BYTES = 1_000_000

/** Resolves once the network has taken the message. A client that sends but does not read is not read from either. */
export function send(socket: WebSocket, text: string): Promise<void> {
  return new Promise((resolve) => {
    if (socket.readyState !== socket.OPEN) return resolve()
    socket.send(text, () => {
      if (socket.isPaused && socket.bufferedAmount < MAX_BUFFERED_BYTES) socket.resume()
      resolve()
    })
    if (socket.bufferedAmount >= MAX_BUFFERED_BYTES && !socket.isPaused) socket.pause()
  })
}

/** Drops a peer that has not answered a ping by the time of the next. */
export function keepAlive(socket: WebSocket, everyMs: number): () => void {
  let answered = true
  socket.on('pong', () => {
    answered = true
  })
  const timer = setInterval(() => {
    if (!answered) return socket.terminate()
    answered = false
    socket.ping()
  }, everyMs)
  return () => clearInterval(timer)
}
