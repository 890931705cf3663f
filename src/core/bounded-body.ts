/** The beginning of a response's body: whoever answers may send anything, of any length. What is over `maxBytes` is not read on. */
export async function boundedBody(response: Response, maxBytes: number): Promise<{ bytes: Buffer; truncated: boolean }> {
  const parts: Uint8Array[] = []
  let size = 0
  for await (const part of (response.body ?? []) as unknown as AsyncIterable<Uint8Array>) {
    parts.push(part)
    size += part.byteLength
    if (size > maxBytes) break
  }
  return { bytes: Buffer.concat(parts).subarray(0, maxBytes), truncated: size > maxBytes }
}
