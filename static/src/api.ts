/** The HTTP API as the pages use it. The server is the authority; its errors come with words. */

export type RoleName = 'viewer' | 'commenter' | 'editor' | 'owner'

/** `program`: an API client that is writing. */
export type Person = { id: string; name: string; color: string; program?: boolean }

export type DocumentInfo = {
  id: string
  title: string
  role: RoleName
  updated_at: string
  deleted_at: string | null
  starred: boolean
  owner: Person
  people: Person[]
}

export type ShareLink = {
  id: number
  token: string
  url: string
  role: RoleName
  expires_at: string | null
  enabled: boolean
}

export type Member = { user: Person; role: RoleName }

export type Page<T> = { items: T[]; next: string | null }

/** What the server refused, in its own words. */
export class ApiError extends Error {
  constructor(
    readonly status: number,
    message: string,
  ) {
    super(message)
  }
}

const cookie = (name: string) =>
  document.cookie
    .split('; ')
    .find((each) => each.startsWith(`${name}=`))
    ?.slice(name.length + 1) ?? ''

/** What forms and requests that change something must carry. */
export const csrfToken = () => cookie('csrftoken')

/** One request to `/api/v1`; `link` is the share link that a guest came by. */
export async function request<T>(
  method: string,
  path: string,
  body?: unknown,
  link?: string | null,
): Promise<T> {
  const url = new URL(path.startsWith('http') ? path : `/api/v1/${path}`, location.origin)
  if (link) url.searchParams.set('link', link)
  const response = await fetch(url, {
    method,
    headers: {
      Accept: 'application/json',
      'X-CSRFToken': csrfToken(),
      ...(body === undefined ? {} : { 'Content-Type': 'application/json' }),
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  })
  if (response.ok) return response.status === 204 ? (undefined as T) : await response.json()
  const problem = await response.json().catch(() => ({}))
  throw new ApiError(response.status, problem.detail ?? problem.title ?? response.statusText)
}

/** The facts that Django wrote into the page. */
export function readPage<T>(): T {
  return JSON.parse(document.getElementById('page')?.textContent ?? '{}') as T
}
