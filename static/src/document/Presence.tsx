import { Avatar as MantineAvatar } from '@mantine/core'

import type { Person } from '../api'
import { Avatar } from '../theme/Avatar'

const MOST = 5

type Props = { me: Person; others: Person[] }

/** Who is here: oneself first, each in the colour of their caret. */
export function Presence({ me, others }: Props) {
  const shown = others.slice(0, MOST - 1)
  const rest = others.slice(MOST - 1)
  return (
    <MantineAvatar.Group
      spacing={7}
      data-testid="presence"
      aria-label={`${others.length + 1} here`}
      role="group"
    >
      <Avatar name={me.name} color={me.color} label={`${me.name} (you)`} testId="presence-user" />
      {shown.map((person) => (
        <Avatar
          key={person.id}
          name={person.name}
          color={person.color}
          testId="presence-user"
          {...(person.program ? { isProgram: true, label: `${person.name} (a program)` } : {})}
        />
      ))}
      {rest.length > 0 && (
        <MantineAvatar size={30} radius="xl" title={rest.map((each) => each.name).join(', ')}>
          +{rest.length}
        </MantineAvatar>
      )}
    </MantineAvatar.Group>
  )
}
