const line = {
  fill: 'none',
  stroke: 'currentColor',
  strokeWidth: 1.6,
  strokeLinecap: 'round' as const,
  strokeLinejoin: 'round' as const,
  'aria-hidden': true,
}

export const DocumentIcon = ({ className }: { className?: string }) => (
  <svg {...line} className={className} width="18" height="18" viewBox="0 0 18 18">
    <path d="M4.5 1.8h6l3.5 3.6v9.3a1.5 1.5 0 0 1-1.5 1.5h-8A1.5 1.5 0 0 1 3 14.7V3.3a1.5 1.5 0 0 1 1.5-1.5Z" />
    <path d="M10.3 2v3.6h3.5M6 9.2h5M6 12.2h3.2" />
  </svg>
)

export const StarIcon = ({ className }: { className?: string }) => (
  <svg {...line} className={className} width="18" height="18" viewBox="0 0 18 18" aria-hidden={false}>
    <title>Starred</title>
    <path
      fill="currentColor"
      d="m9 1.9 2.1 4.5 4.9.6-3.6 3.4.9 4.9L9 12.9l-4.3 2.4.9-4.9L2 7l4.9-.6Z"
    />
  </svg>
)

export const MoreIcon = () => (
  <svg width="18" height="18" viewBox="0 0 18 18" fill="currentColor" aria-hidden="true">
    <circle cx="4" cy="9" r="1.4" />
    <circle cx="9" cy="9" r="1.4" />
    <circle cx="14" cy="9" r="1.4" />
  </svg>
)

export const SearchIcon = () => (
  <svg {...line} width="16" height="16" viewBox="0 0 16 16">
    <circle cx="7" cy="7" r="4.4" />
    <path d="m10.4 10.4 3.4 3.4" />
  </svg>
)

export const PlusIcon = () => (
  <svg {...line} width="16" height="16" viewBox="0 0 16 16" strokeWidth={2}>
    <path d="M8 3v10M3 8h10" />
  </svg>
)

export const CloseIcon = () => (
  <svg {...line} width="16" height="16" viewBox="0 0 16 16">
    <path d="m4 4 8 8m0-8-8 8" />
  </svg>
)

/** Two sheets and a caret: nothing is written yet. */
export const EmptyPicture = ({ className }: { className?: string }) => (
  <svg {...line} className={className} width="112" height="92" viewBox="0 0 112 92">
    <path d="m33 20-9.5 2.6a4 4 0 0 0-2.8 4.9l11 41a4 4 0 0 0 4.9 2.8L41 70" opacity="0.45" />
    <rect x="36" y="12" width="52" height="66" rx="5" />
    <path d="M46 28h21M46 39h32M46 50h14" opacity="0.55" />
    <path
      d="M66 45.5v10"
      stroke="var(--mantine-primary-color-filled)"
      strokeWidth="2.4"
      data-caret=""
    />
  </svg>
)
