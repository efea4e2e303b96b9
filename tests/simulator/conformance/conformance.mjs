// Baileys, a client that nobody here wrote, against the simulated network: scan, receive, send, receipts,
// retry, offline, cut, unlink, link code. Start the network first; see README.md.
import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import makeWASocket, { DisconnectReason, WA_CERT_DETAILS, useMultiFileAuthState } from '@whiskeysockets/baileys'
import pino from 'pino'

// libsignal tells everything it does, keys included, on the console; that is of interest to whoever asked.
const tell = console.log.bind(console)
if (!process.env.LEVEL) for (const level of ['log', 'info', 'warn', 'error']) console[level] = () => {}

const control = process.env.CONTROL ?? 'http://127.0.0.1:7701'
const waWebSocketUrl = process.env.NETWORK ?? 'ws://127.0.0.1:7700/ws/chat'
const account = process.env.ACCOUNT ?? `49151${Math.floor(Math.random() * 1e8).toString().padStart(8, '0')}`
const customer = process.env.CUSTOMER ?? `49170${Math.floor(Math.random() * 1e8).toString().padStart(8, '0')}`
let folder = await mkdtemp(join(tmpdir(), 'conformance-'))

async function call(path, body) {
  const answer = await fetch(control + path, {
    method: body ? 'POST' : 'GET',
    headers: { 'content-type': 'application/json' },
    body: body && JSON.stringify(body),
  })
  const text = await answer.text()
  assert.equal(answer.status, 200, `${path}: ${text}`)
  return path === '/root' ? text : JSON.parse(text)
}

// The one thing that is overwritten: which root the server's certificate must come from.
WA_CERT_DETAILS.PUBLIC_KEY = Buffer.from(await call('/root'), 'hex')

const seen = []
const waiters = []
function report(kind, value) {
  seen.push({ kind, value })
  for (const waiter of [...waiters]) waiter()
}

/** The first report of a kind, from `since` on, that fits. */
function report_of(kind, fits = () => true, since = 0, patience = 20_000) {
  return new Promise((resolve, reject) => {
    const look = () => {
      const found = seen.slice(since).find((one) => one.kind === kind && fits(one.value))
      if (found) {
        waiters.splice(waiters.indexOf(look), 1)
        clearTimeout(timer)
        resolve(found.value)
      }
    }
    const timer = setTimeout(() => reject(new Error(`no ${kind} came`)), patience)
    waiters.push(look)
    look()
  })
}

async function connect() {
  const { state, saveCreds } = await useMultiFileAuthState(folder)
  const socket = makeWASocket({
    auth: state,
    waWebSocketUrl,
    version: [2, 3000, 1_027_868_167],
    logger: pino({ level: process.env.LEVEL ?? 'silent' }),
    syncFullHistory: false,
    shouldSyncHistoryMessage: () => false,
  })
  socket.ev.on('creds.update', saveCreds)
  socket.ev.on('connection.update', (update) => {
    if (update.qr) report('qr', update.qr)
    if (update.connection === 'open') report('open', true)
    if (update.connection === 'close') report('close', update.lastDisconnect?.error?.output?.statusCode)
  })
  socket.ev.on('messages.upsert', ({ messages }) => {
    for (const message of messages) if (!message.key.fromMe) report('message', message)
  })
  socket.ev.on('messages.update', (updates) => {
    // What was decrypted at the second attempt comes as an update of the first.
    for (const { key, update } of updates) if (update.message) report('message', { key, ...update })
    for (const { key, update } of updates) if (update.status) report('status', { id: key.id, status: update.status })
  })
  return socket
}

async function step(name, run) {
  const begin = Date.now()
  await run()
  tell(`ok  ${name} (${Date.now() - begin} ms)`)
}

const textOf = (message) => message.message?.conversation ?? message.message?.extendedTextMessage?.text
const [DELIVERED, READ] = [3, 4]
let socket

await step('a QR code is scanned and the client restarts', async () => {
  socket = await connect()
  const qr = await report_of('qr')
  await call('/scan', { qr, phone: account, name: 'Bakery' })
  assert.equal(await report_of('close'), DisconnectReason.restartRequired)
})

await step('it logs in and is open', async () => {
  socket = await connect()
  await report_of('open')
  assert.equal(socket.user.id.split(':')[0], account)
  assert.match(socket.user.lid, /@lid$/)
})

await step('it finds a number that is on WhatsApp and not one that is not', async () => {
  await call('/phones', { phone: '4917000000000', registered: false })
  const [found] = await socket.onWhatsApp(customer)
  assert.equal(found.exists, true)
  assert.equal((await socket.onWhatsApp('4917000000000'))?.filter((one) => one.exists).length ?? 0, 0)
})

await step("it receives a customer's text", async () => {
  const { id } = await call('/messages', { from: customer, name: 'Ada', to: account, text: 'Are you open?' })
  const message = await report_of('message', (one) => one.key.id === id)
  assert.equal(textOf(message), 'Are you open?')
  assert.equal(message.pushName, 'Ada')
  assert.equal(message.key.remoteJid, `${customer}@s.whatsapp.net`)
})

await step('it sends a text and sees it delivered and read', async () => {
  const sent = await socket.sendMessage(`${customer}@s.whatsapp.net`, { text: 'From eight' })
  // Baileys buffers: delivery may reach us together with reading.
  await report_of('status', (one) => one.id === sent.key.id && one.status >= DELIVERED)
  await report_of('status', (one) => one.id === sent.key.id && one.status === READ)
  const [row] = await call(`/phones/${customer}/messages`)
  assert.deepEqual([row.id, row.from, row.text, row.copies], [sent.key.id, account, 'From eight', 1])
})

await step('it asks again for what it cannot decrypt', async () => {
  await call('/faults', { corrupt_inbound: 1 })
  const { id } = await call('/messages', { from: customer, to: account, text: 'Garbled' })
  await report_of('message', (one) => one.key.id === id && textOf(one) === 'Garbled')
})

await step('after a cut it comes back and goes on', async () => {
  const since = seen.length
  await call('/cut', { phone: account })
  await report_of('close', () => true, since)
  socket = await connect()
  await report_of('open', () => true, since)
  const { id } = await call('/messages', { from: customer, to: account, text: 'Still there?' })
  assert.equal(textOf(await report_of('message', (one) => one.key.id === id)), 'Still there?')
})

await step('what came while it was away is delivered at the next login', async () => {
  socket.end(undefined)
  await new Promise((resolve) => setTimeout(resolve, 500))
  const { id } = await call('/messages', { from: customer, to: account, text: 'While you were out' })
  const since = seen.length
  socket = await connect()
  await report_of('open', () => true, since)
  assert.equal(textOf(await report_of('message', (one) => one.key.id === id)), 'While you were out')
})

await step('unlinked from the phone, it is logged out', async () => {
  const since = seen.length
  await call('/unlink', { phone: account })
  assert.equal(await report_of('close', () => true, since), DisconnectReason.loggedOut)
})

await step('and is refused at the next login', async () => {
  const since = seen.length
  socket = await connect()
  assert.equal(await report_of('close', () => true, since), DisconnectReason.loggedOut)
})

await rm(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 })

await step('another client is linked by a code that the owner types', async () => {
  folder = await mkdtemp(join(tmpdir(), 'conformance-'))
  const since = seen.length
  socket = await connect()
  await report_of('qr', () => true, since)
  const code = await socket.requestPairingCode(account)
  await call('/link-code', { code, phone: account, name: 'Bakery' })
  assert.equal(await report_of('close', () => true, since), DisconnectReason.restartRequired)
  socket = await connect()
  await report_of('open', () => true, since)
})

await step('it logs itself out', async () => {
  const since = seen.length
  await socket.logout()
  await report_of('close', () => true, since)
  const answer = await fetch(`${control}/unlink`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ phone: account }),
  })
  assert.equal(answer.status, 404)
})

await rm(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 })
tell('conforms')
process.exit(0)
