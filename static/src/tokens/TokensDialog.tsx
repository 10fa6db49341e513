import './tokens.css'

import {
  ActionIcon,
  Alert,
  Anchor,
  Button,
  CopyButton,
  Modal,
  NativeSelect,
  Text,
  TextInput,
} from '@mantine/core'
import { useCallback, useEffect, useState } from 'react'

import { ApiError, type Page, request } from '../api'

type Scope = 'read' | 'write' | 'admin'
type Token = { id: number; label: string; scope: Scope; expires_at: string | null }
type Issued = Token & { token: string }

const SCOPES = [
  { value: 'write', label: 'Reads and writes' },
  { value: 'read', label: 'Reads only' },
]
const DAYS = [
  { value: '30', label: '30 days' },
  { value: '90', label: '90 days' },
  { value: '365', label: 'A year' },
  { value: '', label: 'Without end' },
]
const DOES: Record<Scope, string> = {
  read: 'reads',
  write: 'reads and writes',
  admin: 'makes tokens, too',
}

const words = (error: unknown) =>
  error instanceof ApiError ? error.message : 'That did not work. Try again.'

/** The tokens by which somebody's programs use the API. */
export default function TokensDialog({ onClose }: { onClose: () => void }) {
  const [tokens, setTokens] = useState<Token[] | null>(null)
  const [issued, setIssued] = useState<Issued | null>(null)
  const [problem, setProblem] = useState<string | null>(null)

  const attempt = useCallback(async (act: () => Promise<unknown>) => {
    try {
      await act()
      setTokens((await request<Page<Token>>('GET', 'me/tokens')).items)
      setProblem(null)
    } catch (error) {
      setProblem(words(error))
    }
  }, [])
  useEffect(() => void attempt(async () => {}), [attempt])

  return (
    <Modal opened onClose={onClose} title="API tokens" size="lg" data-testid="tokens-dialog">
      <Text size="sm" c="dimmed" mb="md">
        A program that sends one acts in your name. <Anchor href="/api/v1/docs">The API</Anchor>
      </Text>
      <NewToken
        onMake={(wish) =>
          attempt(async () => setIssued(await request<Issued>('POST', 'me/tokens', wish)))
        }
      />
      {issued && <Shown token={issued} />}
      {problem && (
        <Text role="alert" c="red" size="sm" mt="md">
          {problem}
        </Text>
      )}
      <ul className="tokens" aria-label="Your tokens">
        {tokens?.map((token) => (
          <li key={token.id}>
            <span className="token-label">{token.label || 'Without a name'}</span>
            <Text size="sm" c="dimmed" span>
              {DOES[token.scope]}
              {token.expires_at && `, until ${new Date(token.expires_at).toLocaleDateString()}`}
            </Text>
            <ActionIcon
              variant="subtle"
              color="gray"
              aria-label={`Revoke ${token.label || 'the token without a name'}`}
              onClick={() =>
                void attempt(async () => {
                  await request('DELETE', `me/tokens/${token.id}`)
                  setIssued((shown) => (shown?.id === token.id ? null : shown))
                })
              }
            >
              ✕
            </ActionIcon>
          </li>
        ))}
      </ul>
    </Modal>
  )
}

type Wish = { label: string; scope: string; days: number | null }

function NewToken({ onMake }: { onMake: (wish: Wish) => Promise<void> }) {
  const [label, setLabel] = useState('')
  const [scope, setScope] = useState('write')
  const [days, setDays] = useState('90')
  return (
    <form
      className="token-form"
      onSubmit={async (event) => {
        event.preventDefault()
        await onMake({ label: label.trim(), scope, days: days ? Number(days) : null })
        setLabel('')
      }}
    >
      <TextInput
        className="token-label"
        aria-label="What for"
        placeholder="Its name, seen by others"
        maxLength={100}
        data-autofocus
        value={label}
        onChange={(event) => setLabel(event.currentTarget.value)}
      />
      <NativeSelect
        aria-label="What it may do"
        data={SCOPES}
        value={scope}
        onChange={(event) => setScope(event.currentTarget.value)}
      />
      <NativeSelect
        aria-label="How long it works"
        data={DAYS}
        value={days}
        onChange={(event) => setDays(event.currentTarget.value)}
      />
      <Button type="submit" disabled={!label.trim()}>
        Make
      </Button>
    </form>
  )
}

const Shown = ({ token }: { token: Issued }) => (
  <Alert mt="md" color="green" title="Copy it now: it is shown this once.">
    <div className="token-shown">
      <input aria-label="The new token" readOnly value={token.token} />
      <CopyButton value={token.token}>
        {({ copied, copy }) => (
          <Button size="xs" variant={copied ? 'light' : 'filled'} onClick={copy}>
            {copied ? 'Copied' : 'Copy'}
          </Button>
        )}
      </CopyButton>
    </div>
  </Alert>
)
