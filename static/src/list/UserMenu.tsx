import { Menu, UnstyledButton } from '@mantine/core'

import { csrfToken, type Person } from '../api'
import { Avatar } from '../theme/Avatar'

type Props = { me: Person & { username: string }; onTokens: () => void }

/** Who is logged in, and the way out. */
export function UserMenu({ me, onTokens }: Props) {
  return (
    <Menu position="bottom-end" width={200}>
      <Menu.Target>
        <UnstyledButton aria-label={`Logged in as ${me.username}`} bdrs="xl">
          <Avatar name={me.name} color={me.color} />
        </UnstyledButton>
      </Menu.Target>
      <Menu.Dropdown>
        <Menu.Label>Logged in as {me.username}</Menu.Label>
        <Menu.Item component="a" href="/accounts/password/change/">
          Change password
        </Menu.Item>
        <Menu.Item onClick={onTokens}>API tokens</Menu.Item>
        <Menu.Divider />
        <form method="post" action="/accounts/logout/">
          <input type="hidden" name="csrfmiddlewaretoken" value={csrfToken()} />
          <Menu.Item component="button" type="submit">
            Log out
          </Menu.Item>
        </form>
      </Menu.Dropdown>
    </Menu>
  )
}
