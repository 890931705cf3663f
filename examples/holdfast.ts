/** A client of the server, as a program has one. (Settings: HOLDFAST_URL, HOLDFAST_API_KEY.) */
import { Holdfast } from '../src/client/client.ts' // elsewhere: from 'holdfast/client'

const { HOLDFAST_URL = 'http://127.0.0.1:4000', HOLDFAST_API_KEY = '' } = process.env

export const holdfast = new Holdfast({ url: HOLDFAST_URL, apiKey: HOLDFAST_API_KEY })
