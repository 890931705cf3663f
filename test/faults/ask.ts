/** One operation over HTTP to a server in another process. */

// biome-ignore lint/suspicious/noExplicitAny: a test says itself what it expects of an answer
export type Data = any

export async function ask(url: string, query: string, variables: object, token?: string): Promise<{ data: Data; errors?: Data[] }> {
  const response = await fetch(`${url}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...(token && { authorization: `Bearer ${token}` }) },
    body: JSON.stringify({ query, variables }),
  })
  return (await response.json()) as { data: Data; errors?: Data[] }
}

/** The payload of a mutation; fails where it was refused. */
export async function does(url: string, mutation: string, input: object, token?: string): Promise<Data> {
  const { data, errors } = await ask(url, mutation, { input }, token)
  if (errors) throw new Error(`${errors[0].extensions?.code}: ${errors[0].message}`)
  const payload = Object.values(data)[0] as Data
  if (payload.userErrors.length) throw new Error(`${payload.userErrors[0].code}: ${payload.userErrors[0].message}`)
  return payload
}

const REGISTER = `mutation ($input: UserRegisterInput!) { userRegister(input: $input) { tokens { accessToken } userErrors { code message } } }`

/** The first user of a new installation, its ADMIN. Answers the access token. */
export async function register(url: string): Promise<string> {
  const input = { email: 'admin@example.com', password: 'correct horse battery', displayName: 'admin' }
  return (await does(url, REGISTER, input)).tokens.accessToken
}
