/**
 * The least a server can do: what comes by POST is made into JSON once and sent to every subscriber with `ws`. It keeps nothing, checks
 * nothing, and knows graphql-transport-ws only as far as the subscribers speak it.
 */
import { createServer } from 'node:http'
import { type WebSocket, WebSocketServer } from 'ws'

const subscribers: { socket: WebSocket; head: string }[] = []
let seq = 0
const server = createServer((req, res) => {
  let body = ''
  req.on('data', (part) => {
    body += part
  })
  req.on('end', () => {
    const { contents } = JSON.parse(body).variables as { contents: string[] }
    const payload = `${JSON.stringify({ data: { chunks: { chunks: contents.map((content) => ({ seq: seq++, content })) } } })}}`
    for (const { socket, head } of subscribers) socket.send(head + payload)
    res.writeHead(200, { 'content-type': 'application/json' }).end('{"data":{"chunkPublish":true}}')
  })
})
new WebSocketServer({ server, handleProtocols: () => 'graphql-transport-ws' }).on('connection', (socket) => {
  socket.on('message', (data) => {
    const message = JSON.parse(String(data)) as { type: string; id: string }
    if (message.type === 'connection_init') socket.send('{"type":"connection_ack"}')
    else if (message.type === 'subscribe') subscribers.push({ socket, head: `{"id":"${message.id}","type":"next","payload":` })
  })
  socket.on('close', () => {
    for (let i = subscribers.length - 1; i >= 0; i--) if (subscribers[i]!.socket === socket) subscribers.splice(i, 1)
  })
})
server.listen(0, '127.0.0.1', () => console.log(JSON.stringify({ url: `http://127.0.0.1:${(server.address() as { port: number }).port}` })))
process.on('message', () => {})
process.on('SIGTERM', () => process.exit(0))
