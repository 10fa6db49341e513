// Hocuspocus as its documentation starts it; with REDIS_PORT, one of several beside a Redis.
import { Redis } from '@hocuspocus/extension-redis'
import { Server } from '@hocuspocus/server'

const { PORT, REDIS_PORT } = process.env
const redis = { host: '127.0.0.1', port: Number(REDIS_PORT), identifier: PORT }

await new Server({
  address: '127.0.0.1',
  port: Number(PORT),
  quiet: true,
  extensions: REDIS_PORT ? [new Redis(redis)] : [],
}).listen()
