/**
 * Writes tests/vectors/blocknote.json with the real editor: what it stores in Yjs, and what its own
 * converters make of that, for the tests of ours in Python. `npm run vectors`; twice gives the same
 * bytes. Needs no browser: jsdom stands in for one (so colours in `style` are spelled as jsdom does).
 *
 * `stories`: blocks put into a live editor; `tree` is the fragment, read without the editor.
 * `parsed`: texts put into its parsers. Ids there are invented on each run, hence left out.
 * `notes`: what the converters lose or do oddly; each was seen in this file, or else says how.
 */
import { readFileSync, writeFileSync } from 'node:fs'

import { JSDOM } from 'jsdom'
import { createServer } from 'vite'

const { window } = new JSDOM('<!doctype html><body></body>', {
  url: 'https://collab.example/',
  pretendToBeVisual: true,
})
const borrowed = [
  'document', 'navigator', 'Node', 'Element', 'HTMLElement', 'MutationObserver', 'DOMParser',
  'getComputedStyle', 'requestAnimationFrame', 'cancelAnimationFrame',
]
globalThis.window = window
for (const name of borrowed) {
  Object.defineProperty(globalThis, name, { value: window[name], configurable: true })
}

const vite = await createServer({ server: { middlewareMode: true }, logLevel: 'error' })
const { Awareness, BlockNoteEditor, Y, schema, tiptapExtensions, withCollaboration } =
  await vite.ssrLoadModule('/scripts/vectors-entry.ts')

// ---- the editor, as static/src/editor/Editor.tsx opens it ----

/** An editor of this client on a document that holds `updates`. */
function open(client, ...updates) {
  const doc = new Y.Doc()
  doc.clientID = client
  updates.forEach((update) => Y.applyUpdate(doc, update))
  const fragment = doc.getXmlFragment('content')
  const awareness = new Awareness(doc)
  const editor = BlockNoteEditor.create(
    withCollaboration({
      schema,
      collaboration: { fragment, provider: { awareness }, user: { name: 'Ada', color: '#123456' } },
      _tiptapOptions: { extensions: tiptapExtensions, injectCSS: false },
    }),
  )
  const place = document.body.appendChild(document.createElement('div'))
  editor.mount(place)
  const close = () => {
    editor.unmount()
    place.remove()
    awareness.destroy()
    doc.destroy()
  }
  return { doc, editor, fragment, close }
}

/** Select the first place where a text block holds `words`; returns a chain of commands. */
function select(editor, words) {
  let found
  editor.prosemirrorState.doc.descendants((node, pos) => {
    if (found || !node.isTextblock) return
    const at = node.textBetween(0, node.content.size, '', '\n').indexOf(words)
    if (at >= 0) found = { from: pos + 1 + at, to: pos + 1 + at + words.length }
  })
  if (!found) throw new Error(`no block holds ${words}`)
  return editor._tiptapEditor.chain().setTextSelection(found)
}

const comment = (editor, words, threadId, orphan = false) => {
  const marked = select(editor, words).setMark('comment', { threadId, orphan }).run()
  if (!marked) throw new Error(`could not comment on ${words}`)
}

// The editor stores `undefined` for what is not set; JSON has no word for it, Python reads None.
const definite = (attributes) =>
  Object.fromEntries(Object.entries(attributes).map(([name, value]) => [name, value ?? null]))

function treeOf(type) {
  if (type instanceof Y.XmlText) {
    const runs = type.toDelta()
    return { runs: runs.map(({ insert, attributes = {} }) => ({ text: insert, marks: attributes })) }
  }
  const children = type.toArray().map(treeOf)
  return type instanceof Y.XmlElement
    ? { tag: type.nodeName, attributes: definite(type.getAttributes()), children }
    : children
}

const withoutIds = (blocks) =>
  blocks.map(({ id: _, ...block }) => ({ ...block, children: withoutIds(block.children) }))

/** Fixed ids, in reading order: b1, b2, … */
function numbered(blocks, counter = { last: 0 }) {
  return blocks.map((block) => {
    const id = `b${++counter.last}`
    return { id, ...block, ...(block.children && { children: numbered(block.children, counter) }) }
  })
}

function tell({ name, blocks: given, edit, second }) {
  const { doc, editor, fragment, close } = open(1)
  const blocksIn = numbered(given)
  if (given.length) editor.replaceBlocks(editor.document, blocksIn)
  edit?.(editor)
  let update = Y.encodeStateAsUpdate(doc)
  let read = { editor, fragment, close }
  if (second) {
    // What a server holds of two who did not know of each other; told by a third who opens it.
    const base = open(2, second.base(blocksIn))
    const other = open(3, second.base(blocksIn))
    second.edits.forEach((change, n) => change([base, other][n].editor))
    update = Y.mergeUpdates([base, other].map((each) => Y.encodeStateAsUpdate(each.doc)))
    base.close()
    other.close()
  }
  const server = new Y.Doc()
  Y.applyUpdate(server, update)
  const tree = treeOf(server.getXmlFragment('content'))
  if (second) {
    close()
    read = open(4, update)
  }
  const blocks = read.editor.document
  const markdown = read.editor.blocksToMarkdownLossy(blocks)
  const html = read.editor.blocksToHTMLLossy(blocks)
  const story = {
    name,
    blocks_in: blocksIn,
    blocks,
    yjs: Buffer.from(update).toString('base64'),
    tree,
    markdown,
    html,
    html_full: read.editor.blocksToFullHTML(blocks),
    from_markdown: withoutIds(read.editor.tryParseMarkdownToBlocks(markdown)),
    from_html: withoutIds(read.editor.tryParseHTMLToBlocks(html)),
  }
  read.close()
  return story
}

// ---- stories ----

const block = (type) => (content, props, children) => ({
  type,
  ...(props && { props }),
  ...(content !== undefined && { content }),
  ...(children && { children }),
})
const [p, h, li, ol, check, toggle, quote, table] = [
  'paragraph', 'heading', 'bulletListItem', 'numberedListItem', 'checkListItem', 'toggleListItem',
  'quote', 'table',
].map(block)
const code = (language, content) => block('codeBlock')(content, { language })
const file = (type, props) => block(type)(undefined, props)
const divider = () => ({ type: 'divider' })
const t = (text, ...styles) => ({
  type: 'text',
  text,
  styles: Object.assign({}, ...styles.map((s) => (typeof s === 'string' ? { [s]: true } : s))),
})
const link = (href, ...content) => ({ type: 'link', href, content })
const cell = (content, props) => ({ type: 'tableCell', content, ...(props && { props }) })
const rows = (cells, more) =>
  table({ type: 'tableContent', ...more, rows: cells.map((row) => ({ cells: row })) })

const everyMark = ['bold', 'italic', 'underline', 'strike', 'code']
const mixed = (n) => [
  h(`Part ${n}`, { level: (n % 6) + 1 }),
  p([t(`Paragraph ${n}, `), t('bold', 'bold'), t(' and '), link(`https://example.org/${n}`, t('a link'))]),
  li(`Bullet ${n}`, undefined, [li('below'), ol('first'), ol('second')]),
  check('done', { checked: n % 2 === 0 }),
  quote(`Said ${n}`),
  code('python', `print(${n})\n`),
  rows([['n', 'n²'], [`${n}`, `${n * n}`]], { headerRows: 1 }),
  n % 2 ? divider() : file('image', { url: `/uploads/${n}.png`, caption: `Figure ${n}` }),
  ol(`Step ${n}`),
  p(),
]

const stories = [
  { name: 'an empty document, never typed in', blocks: [] },
  { name: 'one empty paragraph', blocks: [p()] },
  { name: 'a paragraph', blocks: [p('Plain words.')] },
  { name: 'empty paragraphs between', blocks: [p(), p('one'), p(), p(), p('two'), p()] },
  {
    name: 'headings of six levels',
    blocks: [1, 2, 3, 4, 5, 6].map((level) => h(`Level ${level}`, { level })),
  },
  {
    name: 'toggle headings',
    blocks: [
      h('Folded', { level: 2, isToggleable: true }, [p('inside'), li('item')]),
      h('Nothing inside', { level: 3, isToggleable: true }),
      h(undefined, { level: 1, isToggleable: true }),
    ],
  },
  { name: 'a bullet list', blocks: [li('one'), li('two'), li(), li('four')] },
  {
    name: 'bullets three deep',
    blocks: [li('1', undefined, [li('1.1', undefined, [li('1.1.1'), li('1.1.2')]), li('1.2')]), li('2')],
  },
  { name: 'a numbered list', blocks: [ol('one'), ol('two'), ol('three')] },
  {
    name: 'a numbered list from seven, one restarted, and two apart',
    blocks: [ol('seven', { start: 7 }), ol('eight'), ol('three', { start: 3 }), p('between'), ol('one'), ol('zero', { start: 0 }), p('again'), ol('zero', { start: 0 })],
  },
  {
    name: 'numbers three deep',
    blocks: [ol('1', undefined, [ol('a', undefined, [ol('i'), ol('ii')]), ol('b', { start: 5 })]), ol('2')],
  },
  {
    name: 'a check list',
    blocks: [check('to do'), check('done', { checked: true }), check([t('struck', 'strike')], { checked: true }, [check('below', { checked: true }), check('not yet', undefined, [check('deepest')])])],
  },
  {
    name: 'toggle list items three deep',
    blocks: [toggle('outer', undefined, [toggle('middle', undefined, [toggle('inner', undefined, [p('at the bottom')])]), p('aside')]), toggle('alone')],
  },
  {
    name: 'lists mixed and nested',
    blocks: [
      li('bullet', undefined, [ol('number', undefined, [check('check', { checked: true }, [toggle('toggle')])]), ol('number two'), li('bullet below')]),
      ol('number', undefined, [li('bullet'), check('check')]),
      check('check', undefined, [ol('number', { start: 4 })]),
      toggle('toggle', undefined, [li('bullet'), ol('number')]),
    ],
  },
  {
    name: 'other blocks below list items',
    blocks: [
      li('with a paragraph', undefined, [p('below'), p('another')]),
      li('with code', undefined, [code('js', 'let a\n\nlet b')]),
      ol('with a quote', undefined, [quote('said'), li('and a bullet')]),
      ol('with a table', undefined, [rows([['a', 'b'], ['c', 'd']])]),
      li('with a heading', undefined, [h('Deep', { level: 3 }), divider(), file('image', { url: '/uploads/a.png' })]),
    ],
  },
  {
    name: 'children under a paragraph, a heading and a quote',
    blocks: [
      p('parent', undefined, [p('child', undefined, [p('grandchild')]), li('bullet')]),
      h('Parent', { level: 2 }, [p('child')]),
      quote('parent', undefined, [p('child')]),
      p(undefined, undefined, [p('child of nothing')]),
    ],
  },
  {
    name: 'quotes',
    blocks: [quote('One line.'), quote('Two\nlines.'), quote([t('With '), t('bold', 'bold')]), quote(), quote('Coloured', { backgroundColor: 'yellow', textColor: 'red' })],
  },
  {
    name: 'code of several languages',
    blocks: [code('text', 'plain'), code('python', 'def f():\n    return "x"'), code('javascript', 'const a = `b${c}`'), code('c++', 'a<b && c>d;'), code('', 'no language'), { type: 'codeBlock', content: 'default language' }],
  },
  {
    name: 'code with blank lines, backticks and whitespace',
    blocks: [code('text', 'a\n\n\nb'), code('markdown', '```js\nx\n```'), code('text', '````\n~~~'), code('text', '\tindented\n  by two  \n'), code('text', '\n\n'), code('text', ''), code('html', '<b>&amp;</b>'), code('text', '**not bold** [not](a link)')],
  },
  {
    name: 'a table',
    blocks: [rows([['a', 'b', 'c'], ['d', '', 'f']])],
  },
  {
    name: 'a table with a header row',
    blocks: [rows([['Name', 'Size'], ['one', '1'], ['two', '22']], { headerRows: 1 })],
  },
  {
    name: 'a table with header rows and columns',
    blocks: [rows([['', 'Q1', 'Q2'], ['North', '1', '2'], ['South', '3', '4']], { headerRows: 1, headerCols: 1 }), rows([['Only', '1'], ['columns', '2']], { headerCols: 1 }), rows([['a', 'b'], ['c', 'd'], ['e', 'f']], { headerRows: 2 })],
  },
  {
    name: 'column widths',
    blocks: [rows([['a', 'b', 'c'], ['d', 'e', 'f']], { columnWidths: [120, undefined, 300] })],
  },
  {
    name: 'cells that span columns and rows',
    blocks: [
      rows([
        [cell('wide', { colspan: 2 }), cell('c')],
        [cell('tall', { rowspan: 2 }), 'e', 'f'],
        ['h', 'i'],
      ]),
      rows([[cell('all four', { colspan: 2, rowspan: 2 }), 'c'], ['f'], ['g', 'h', 'i']], { headerRows: 1, columnWidths: [100, 110, 120] }),
    ],
  },
  {
    name: 'cells with colours and alignment',
    blocks: [
      { ...rows([
        [cell('right', { textAlignment: 'right' }), cell('centre', { textAlignment: 'center' }), cell('both', { textAlignment: 'justify', textColor: 'blue', backgroundColor: 'gray' })],
        [cell('tall', { rowspan: 2 }), cell('wide', { colspan: 2 })],
        ['x', cell('right', { textAlignment: 'right' })],
        [cell('red', { textColor: 'red' }), cell('on blue', { backgroundColor: 'blue' }), cell('own', { textColor: '#123456', backgroundColor: '#fedcba' })],
      ], { headerRows: 1 }), props: { textColor: 'green' } },
    ],
  },
  {
    name: 'cells with marks, links, pipes and breaks',
    blocks: [rows([
      [[t('bold', 'bold'), t(' and '), t('code', 'code')], [link('https://example.org', t('link', 'italic'))], 'a | b \\| c'],
      ['two\nlines', [t('`tick`', 'code'), t('|', 'code')], ' spaces '],
    ], { headerRows: 1 })],
  },
  {
    name: 'a cell of two paragraphs, as merging cells leaves it',
    blocks: [rows([['first', 'b'], ['c', 'd']])],
    edit: (editor) => {
      let end
      editor.prosemirrorState.doc.descendants((node, pos) => {
        if (node.type.name === 'tableParagraph' && node.textContent === 'first') end = pos + node.nodeSize
      })
      const { nodes } = editor.pmSchema
      editor.transact((tr) => tr.insert(end, nodes.tableParagraph.create(null, editor.pmSchema.text('second'))))
    },
  },
  {
    name: 'images',
    blocks: [
      file('image', { url: 'https://example.org/a.png' }),
      file('image', { url: '/uploads/b.png', name: 'b.png', caption: 'A caption & more', previewWidth: 320, textAlignment: 'center', backgroundColor: 'gray' }),
      file('image', { url: '/uploads/c.png', name: 'c.png', showPreview: false }),
      file('image', { url: '/uploads/d.png', name: 'd.png', caption: 'no preview', showPreview: false }),
      file('image', {}),
    ],
  },
  {
    name: 'videos',
    blocks: [
      file('video', { url: 'https://example.org/a.mp4' }),
      file('video', { url: '/uploads/b.webm', name: 'b.webm', caption: 'Watch this', previewWidth: 480, textAlignment: 'right', backgroundColor: 'blue' }),
      file('video', { url: '/uploads/c.mp4', name: 'c.mp4', showPreview: false }),
      file('video', { url: '/uploads/d.mp4', name: 'd.mp4' }),
      file('video', {}),
    ],
  },
  {
    name: 'audio',
    blocks: [
      file('audio', { url: 'https://example.org/a.mp3' }),
      file('audio', { url: '/uploads/b.ogg', name: 'b.ogg', caption: 'Listen', backgroundColor: 'green' }),
      file('audio', { url: '/uploads/c.mp3', name: 'c.mp3', showPreview: false }),
      file('audio', {}),
    ],
  },
  {
    name: 'files',
    blocks: [
      file('file', { url: 'https://example.org/a.pdf' }),
      file('file', { url: '/uploads/b (1).pdf', name: 'b [1].pdf', caption: 'The report', backgroundColor: 'red' }),
      file('file', { url: '/uploads/c.zip', name: 'c.zip' }),
      file('file', { name: 'without.address' }),
      file('file', {}),
    ],
  },
  { name: 'dividers', blocks: [p('above'), divider(), divider(), p('below')] },
  {
    name: 'alignment and colours on blocks',
    blocks: [
      p('centre', { textAlignment: 'center' }), p('right', { textAlignment: 'right' }), p('both sides', { textAlignment: 'justify' }),
      p('red on yellow', { textColor: 'red', backgroundColor: 'yellow' }), p('own colours', { textColor: '#112233', backgroundColor: 'rgb(1, 2, 3)' }),
      h('heading', { level: 2, textAlignment: 'right', textColor: 'blue', backgroundColor: 'gray' }),
      li('bullet', { textAlignment: 'center', textColor: 'green', backgroundColor: 'pink' }), ol('number', { textColor: 'purple', textAlignment: 'right', start: 2 }),
      check('check', { backgroundColor: 'orange', checked: true, textAlignment: 'center' }), toggle('toggle', { textColor: 'brown', textAlignment: 'center', backgroundColor: 'green' }),
      check('check', { textColor: 'blue' }), ol('number', { backgroundColor: 'red' }),
    ],
  },
  {
    name: 'each mark alone',
    blocks: [...everyMark.map((mark) => p([t('before '), t(mark, mark), t(' after')])),
      p([t('red', { textColor: 'red' }), t(' own', { textColor: '#abcdef' })]), p([t('on blue', { backgroundColor: 'blue' }), t(' own', { backgroundColor: '#abcdef' })]),
      p(everyMark.map((mark) => t(mark, mark)))],
  },
  {
    name: 'marks that overlap',
    blocks: [
      p([t('bold ', 'bold'), t('both', 'bold', 'italic'), t(' italic', 'italic')]),
      p([t('a', 'bold'), t('b', 'bold', 'strike'), t('c', 'strike'), t('d', 'strike', 'italic'), t('e', 'italic', 'underline')]),
      p([t('all', 'bold', 'italic', 'underline', 'strike', { textColor: 'red', backgroundColor: 'yellow' })]),
      p([t('code', 'code'), t('bold', 'bold'), t('plain'), t('in', 'italic'), t('side', 'italic', 'bold')]),
      p([t('bold with ', 'bold'), t('red', 'bold', { textColor: 'red' }), t(' inside', 'bold')]),
    ],
  },
  {
    name: 'marks with spaces at their edges',
    blocks: [p([t('a'), t(' bold ', 'bold'), t('b')]), p([t('a'), t(' ', 'italic'), t('b')]), p([t('a'), t(' struck ', 'strike'), t('b')]), p([t('a'), t(' code ', 'code'), t('b')]), p([t('in', 'bold'), t('word')])],
  },
  {
    name: 'links',
    blocks: [
      p([t('See '), link('https://example.org/', t('the site')), t('.')]),
      p([link('https://example.org/a', t('plain, '), t('bold', 'bold'), t(' and '), t('both', 'bold', 'italic'))]),
      p([t('bold ', 'bold'), link('https://example.org/b', t('bold link', 'bold')), t(' bold', 'bold')]),
      p([link('https://example.org', t('https://example.org')), t(' '), link('mailto:ada@example.org', t('ada@example.org'))]),
      p([link('https://example.org/a_(b)?q="x"&r=[1]', t('odd [address]')), link('/documents/1#part', t('relative'))]),
      p([link('https://example.org/1', t('one')), link('https://example.org/2', t('two'))]),
      p([link('https://example.org/3', t('red', { textColor: 'red' }))]),
      h([link('https://example.org/4', t('in a heading'))], { level: 2 }),
    ],
  },
  {
    name: 'addresses that run scripts',
    blocks: [p([link('javascript:alert(1)', t('script'))]), file('image', { url: 'javascript:alert(2)' }), file('file', { url: 'data:text/html,x', name: 'data' })],
  },
  {
    name: 'comments',
    blocks: [p([t('some '), t('bold', 'bold'), t(' words to comment on')]), p([t('a '), link('https://example.org', t('link'))]), code('js', 'let commented'), p('two threads overlap here'), p('left alone'), rows([['in a cell', 'b']])],
    edit: (editor) => {
      comment(editor, 'bold words', 'thread-1')
      comment(editor, 'link', 'thread-2')
      comment(editor, 'commented', 'thread-3')
      comment(editor, 'two threads', 'thread-4')
      comment(editor, 'threads overlap', 'thread-5')
      comment(editor, 'left alone', 'thread-6', true)
      comment(editor, 'in a cell', 'thread-1')
    },
  },
  {
    name: 'hard breaks',
    blocks: [p('one\ntwo\nthree'), p([t('bold\nbroken', 'bold'), t('\nplain')]), p('\nfirst and last\n'), p('two\n\nbreaks'), p('\n'), h('a\nheading', { level: 2 }), li('an\nitem', undefined, [li('be\nlow')]), p([link('https://example.org', t('a\nlink'))])],
  },
  { name: 'Chinese, Japanese and Korean', blocks: [h('中文標題', { level: 1 }), p([t('日本語の'), t('太字', 'bold'), t('です。')]), li('한국어 목록'), rows([['名前', '値'], ['一', '二']], { headerRows: 1 })] },
  { name: 'emoji', blocks: [p('😀 👩‍👩‍👧 🏳️‍🌈 👍🏽 🇩🇪 ❤️'), p([t('x'), t('👨‍💻', 'bold'), t('y')]), h('🎉', { level: 1 }), code('text', '"👩‍👩‍👧".length')] },
  { name: 'right to left', blocks: [p('שלום world'), p([t('مرحبا ', 'bold'), t('بالعالم')], { textAlignment: 'right' }), li('عنصر'), p('mark \u200f here')] },
  { name: 'accents, combining and unusual spaces', blocks: [p('é e\u0301 ñ'), p('no\u00a0break thin\u2009space'), p('zero\u200bwidth'), p('soft\u00adhyphen'), p('line\u2028separator')] },
  {
    name: 'text that Markdown would read',
    blocks: [
      p('# not a heading'), p('- not a list'), p('1. not a number'), p('> not a quote'), p('+ plus'), p('* star'), p('---'), p('```'), p('| a | b |'), p('    four spaces'),
      p('*stars* _lines_ **two** ~~tilde~~ `tick`'), p('[text](address) ![image](address) <b>html</b> &amp; &copy;'), p('back\\slash \\* and 2*3*4 snake_case_word'), p('https://example.org bare www.example.org'), p('[ ] box'), p('a\n# b\n- c'), p('Title\n==='),
      h('# heading #', { level: 2 }), li('- nested?'), li('[x] checked?'), rows([['a|b', '*c*']]),
    ],
  },
  { name: 'text that HTML would read', blocks: [p('<script>alert("x")</script>'), p('a < b && c > d "quoted" \'single\''), p('&lt; &nbsp; &#65;'), file('image', { url: '/a.png?x="y"&z', caption: '<b>"cap"</b>', name: '"n" <i>' })] },
  { name: 'spaces leading, trailing and doubled', blocks: [p('  leading'), p('trailing  '), p('in  the   middle'), p(' '), p('tab\there'), h(' heading ', { level: 1 }), li('  item  '), p([t('end '), t(' start', 'bold')]), p('two  \nspaces before a break')] },
  {
    name: 'typed, formatted, deleted and moved by hand',
    blocks: [p('alpha beta gamma'), li('one'), li('two'), p('to be deleted')],
    edit: (editor) => {
      [...'typed '].forEach((letter, n) => editor.transact((tr) => tr.insertText(letter, 3 + n)))
      select(editor, 'beta').toggleBold().run()
      select(editor, 'beta gamma').toggleItalic().run()
      select(editor, 'gam').deleteSelection().run()
      select(editor, 'one').deleteSelection().run()
      editor.setTextCursorPosition('b3')
      editor.nestBlock()
      editor.updateBlock('b1', { type: 'heading', props: { level: 3 } })
      editor.removeBlocks(['b4'])
      editor.insertBlocks([{ id: 'b5', ...quote('added') }], 'b1', 'before')
    },
  },
  {
    name: 'two who typed into one empty paragraph at once',
    blocks: [p(), p('shared'), p('code or bold')],
    second: {
      base: (blocks) => {
        const { doc, editor, close } = open(1)
        editor.replaceBlocks(editor.document, blocks)
        const update = Y.encodeStateAsUpdate(doc)
        close()
        return update
      },
      edits: [
        (editor) => {
          editor.updateBlock('b1', { content: 'from one' })
          select(editor, 'shared').toggleBold().run()
          select(editor, 'code or').toggleCode().run()
        },
        (editor) => {
          editor.updateBlock('b1', { content: 'from two' })
          select(editor, 'hare').toggleItalic().run()
          select(editor, 'or bold').toggleBold().run()
        },
      ],
    },
  },
  { name: 'a long document', blocks: [0, 1, 2, 3, 4, 5].flatMap(mixed) },
]

// ---- texts for its parsers ----

const markdownTexts = {
  'nothing at all': '',
  'two paragraphs': 'one\n\ntwo\n',
  'a paragraph over two lines': 'one\ntwo',
  'lines that end as on Windows': '# a\r\n\r\nb\r\nc\r\n',
  'headings of six levels': '# 1\n## 2\n### 3\n#### 4\n##### 5\n###### 6\n####### 7',
  'headings closed, empty and without a space': '# closed #\n\n#\n\n#none\n\n## in *italic* `code`',
  'setext headings': 'One\n===\n\nTwo\n---\n\nover\ntwo lines\n---\n',
  'bullets of three kinds': '- a\n- b\n\n* c\n\n+ d',
  'nested bullets, two spaces': '- a\n  - b\n    - c\n  - d\n- e',
  'nested bullets, four spaces and a tab': '* a\n    * b\n        * c\n\n- d\n\t- e',
  'empty items': '- a\n-\n- b\n- \n\n1.\n2. c\n\n- [ ]\n- [ ] ',
  'a loose list': '- a\n\n- b\n\n  second paragraph\n\n- c',
  'numbers': '1. a\n2. b\n3) c',
  'numbers from five, and all the same': '5. a\n6. b\n\ntext\n\n1. c\n1. d',
  'nested numbers': '1. a\n   1. b\n      1. c\n   2. d\n2. e',
  'tasks': '- [ ] a\n- [x] b\n- [X] c\n- [] d\n- [ ]e',
  'nested tasks': '- [ ] a\n  - [x] b\n    - [ ] c\n- plain',
  'lists mixed and nested': '- a\n  1. b\n     - [x] c\n  2. d\n- e\n\n1. f\n   - g',
  'code, a quote and a table in a list': '- a\n\n  ```js\n  let x\n\n  let y\n  ```\n\n- b\n\n  > said\n\n- c\n\n  | x | y |\n  | - | - |\n  | 1 | 2 |',
  'a list right after a paragraph': 'text\n- a\n- b\nlazy',
  'a table': '| a | b |\n| --- | --- |\n| 1 | 2 |\n| 3 |  |',
  'a table with alignment': '| l | c | r | n |\n|:--|:-:|--:|---|\n| 1 | 2 | 3 | 4 |',
  'a table with marks and escaped pipes': '| **b** | `c \\| d` |\n|---|---|\n| [l](https://example.org) | a \\| b<br>c |',
  'a table without outer pipes, with rows too short and too long': 'a | b\n--- | ---\n1\n1 | 2 | 3\n\nafter',
  'a table of a header only, and one with an empty header': '| a | b |\n|---|---|\n\n|  |  |\n|---|---|\n| 1 | 2 |',
  'fenced code': '```python\ndef f():\n\n    return 1\n```\n\n~~~\nplain\n~~~',
  'code with backticks inside': '````md\n```js\nx\n```\n````',
  'code that is empty, never closed, and with more than a language': '```\n```\n\n```js title="a.js" {1}\nx\n```\n\n```text\nopen',
  'indented code': 'text\n\n    indented\n      more\n\ntext',
  'quotes': '> one\n> two\n\n> three\n>\n> four\n\n> lazy\ncontinuation',
  'quotes that hold blocks': '> # heading\n>\n> - a\n> - b\n>\n> > inner\n>\n> ```\n> code\n> ```',
  'hard breaks': 'two spaces  \nnext\\\nlast  ',
  'bold, italic, strike and code': '**b** __b__ *i* _i_ ~~s~~ `c`',
  'marks nested': '***both*** **b *bi* b** *i **bi** i* ~~s **sb**~~ **~~`c`~~** _**x**_',
  'marks next to each other': '**a***b*~~c~~`d` **a**b *a*b',
  'marks that are none': '* a* **b ** 2*3*4 snake_case_word __init__ *open ~one~ \\*x\\* **',
  'code spans': '`` a ` b `` ` pad ` ``` `` ``` `**no**` `a\nb` `open',
  'links': '[a](https://example.org) [b](/r "title") [**c** d](<https://example.org/x y>) [e]( ) [f](https://example.org/a_(b))',
  'links by reference': '[a][1] [b] [c][]\n\n[1]: https://example.org "t"\n[b]: /b\n[c]: /c',
  'autolinks': '<https://example.org> <ada@example.org> https://example.org/x. www.example.org ada@example.org',
  'links that run scripts': '[a](javascript:alert(1)) ![b](javascript:alert(2)) [c](data:text/html,x)',
  'images': '![alt](https://example.org/a.png)\n\n![](/b.png "title")\n\n![film](https://example.org/c.mp4)',
  'images between words': 'before ![alt](/a.png) after\n\n[![alt](/a.png)](https://example.org)\n\n- ![x](/x.png)\n- y',
  'escapes': '\\*a\\* \\_b\\_ \\# c \\[d\\](e) \\\\ \\` \\< \\& \\" \\a',
  'entities': '&amp; &lt;b&gt; &copy; &nbsp;x &#65; &#x1F600; &unknown; AT&T',
  'rules': '---\n\n***\n\n_ _ _\n\n- - -\n\ntext\n\n-----',
  'html inline': 'a <b>bold</b> <u>u</u> <br> <span style="color:red">red</span> <kbd>K</kbd> <!-- gone --> x < y',
  'html blocks': '<div>\n<p>one</p>\n<p>**two**</p>\n</div>\n\n<details><summary>More</summary>\n\nhidden\n\n</details>\n\n<script>alert(1)</script>\n\nend',
  'footnotes, definition lists and math': 'a[^1] $x^2$ ==mark== H~2~O x^2^ :smile:\n\n[^1]: note\n\n$$\nx\n$$',
  'front matter': '---\ntitle: x\n---\n\ntext',
  'CJK and emoji': '**太字**です。*斜体*。 👩‍👩‍👧 ~~🎉~~',
  'leading spaces and tabs': '   three\n\n  two\n\n\ttab\n\na   b',
}

const htmlTexts = {
  'nothing at all': '',
  'text without a tag': 'just text',
  'paragraphs': '<p>one</p><p>two</p><p></p><p>three</p>',
  'text beside blocks': 'before<p>inside</p>after',
  'divisions and sections': '<div>a<div>b</div></div><section><p>c</p></section><article><h2>d</h2>e</article>',
  'headings': '<h1>1</h1><h2>2</h2><h3>3</h3><h4>4</h4><h5>5</h5><h6>6</h6>',
  'spaces and lines between tags': '<p>\n  one\n  two   three\n</p>\n\n<p> four </p>',
  'line breaks': '<p>a<br>b<br/><br>c<br></p>',
  'bullets': '<ul><li>a</li><li><p>b</p></li><li></li></ul>',
  'bullets three deep': '<ul><li>a<ul><li>b<ul><li>c</li></ul></li></ul></li><li>d</li></ul>',
  'a list nested beside its item': '<ul><li>a</li><ul><li>b</li></ul><li>c</li></ul>',
  'numbers': '<ol><li>a</li><li>b</li></ol><ol start="4"><li>d</li><li value="9">i</li></ol>',
  'lists mixed': '<ol><li>a<ul><li>b</li></ul></li><li>c<ol start="3"><li>d</li></ol></li></ol>',
  'tasks as GitHub writes them': '<ul class="contains-task-list"><li class="task-list-item"><input type="checkbox" disabled> a</li><li class="task-list-item"><input type="checkbox" disabled checked> b</li></ul>',
  'tasks as BlockNote writes them': '<ul><li><input type="checkbox" checked=""><p>a</p><ul><li><input type="checkbox"><p>b</p></li></ul></li></ul>',
  'items with several paragraphs': '<ul><li><p>a</p><p>b</p></li><li><p>c</p><pre><code>d</code></pre></li><li><h3>e</h3></li></ul>',
  'quotes': '<blockquote>a</blockquote><blockquote><p>b</p><p>c</p></blockquote><blockquote><ul><li>d</li></ul></blockquote>',
  'code': '<pre><code class="language-python">def f():\n    pass\n\n</code></pre><pre>plain\n  pre</pre><p><code>inline</code></p>',
  'code with lines and colours': '<pre><code data-language="js"><span style="color:red">let</span> a<br>b</code></pre>',
  'a table': '<table><tr><td>a</td><td>b</td></tr><tr><td>c</td><td></td></tr></table>',
  'a table with head, body, foot and caption': '<table><caption>cap</caption><thead><tr><th>a</th><th>b</th></tr></thead><tbody><tr><th>c</th><td>d</td></tr></tbody><tfoot><tr><td>e</td><td>f</td></tr></tfoot></table>',
  'a table with spans, widths and alignment': '<table><colgroup><col style="width: 120px"><col></colgroup><tr><td colspan="2" align="center">a</td></tr><tr><td rowspan="2" style="text-align:right;background-color:red">b</td><td width="80">c</td></tr><tr><td colwidth="90" data-text-color="blue">d</td></tr></table>',
  'a table with blocks in its cells': '<table><tr><td><p>a</p><p>b</p></td><td><ul><li>c</li></ul></td><td><b>d</b><br><a href="https://example.org">e</a></td></tr></table>',
  'a table in a table, and rows of unequal length': '<table><tr><td>a</td><td><table><tr><td>in</td></tr></table></td></tr><tr><td>c</td></tr></table>',
  'bold, italic and the like': '<p><b>b</b><strong>s</strong><i>i</i><em>e</em><u>u</u><s>s</s><del>d</del><strike>k</strike><code>c</code></p>',
  'marks by style': '<p><span style="font-weight:bold">a</span><span style="font-style:italic">b</span><span style="text-decoration:underline">c</span><span style="text-decoration:line-through">d</span><b style="font-weight:normal">e</b></p>',
  'colours by style': '<p style="color:red;background-color:#ffff00">a <span style="color:#0000ff">b</span> <span style="background-color:rgb(1,2,3)">c</span> <font color="green">d</font> <mark>e</mark></p>',
  'colours as BlockNote writes them': '<p data-text-color="red" data-background-color="blue">a <span data-style-type="textColor" data-value="green" style="color: rgb(0,0,0)">b</span></p>',
  'marks nested and overlapping': '<p><b>a<i>b<u>c</u></i></b><b>d <a href="https://example.org">e <i>f</i></a></b><code>x<b>y</b></code></p>',
  'marks around blocks': '<b><p>a</p><p>b</p></b><a href="https://example.org"><p>c</p></a>',
  'alignment': '<p style="text-align:center">a</p><p align="right">b</p><h2 style="text-align:justify">c</h2><center>d</center><p style="text-align:start">e</p>',
  'links': '<p><a href="https://example.org" title="t" target="_blank">a</a> <a href="/r">b</a> <a name="x">c</a> <a href="">d</a> <a href="mailto:ada@example.org">e</a></p>',
  'links that run scripts': '<p><a href="javascript:alert(1)">a</a> <a href=" JaVaScRiPt:alert(1)">b</a> <a href="data:text/html,x">c</a> <a href="vbscript:x">d</a></p>',
  'images': '<img src="https://example.org/a.png" alt="alt" title="t" width="320"><p>before <img src="/b.png"> after</p><figure><img src="/c.png" alt="c"><figcaption>Caption</figcaption></figure><img alt="no source">',
  'video, audio and embeds': '<video src="/a.mp4" width="300" controls></video><audio src="/b.mp3"></audio><video><source src="/c.mp4"></video><iframe src="https://example.org"></iframe><embed src="/d.pdf"><figure><video src="/e.mp4"></video><figcaption>Cap</figcaption></figure>',
  'rules': '<p>a</p><hr><p>b</p>',
  'details': '<details><summary>Title</summary><p>inside</p></details><details open><summary><h2>Heading</h2></summary><p>inside</p></details><ul><li><details><summary><p>item</p></summary><p>below</p></details></li></ul>',
  'scripts, styles and comments': '<script>alert(1)</script><style>p{}</style><!-- gone --><p onclick="x()">a<script>b</script></p><noscript>c</noscript><template>d</template>',
  'a whole page': '<!doctype html><html><head><title>T</title><meta charset="utf-8"></head><body><h1>H</h1><p>p</p></body></html>',
  'entities': '<p>&amp; &lt; &copy; &nbsp;x&nbsp; &#65; &#x1F600; &unknown;</p>',
  'pasted from Google Docs': '<meta charset="utf-8"><b style="font-weight:normal;" id="docs-internal-guid-1"><h1 dir="ltr"><span style="font-weight:400">Title</span></h1><p dir="ltr"><span style="font-weight:700">bold</span><span style="font-weight:400"> plain</span></p><ul><li dir="ltr" aria-level="1"><p dir="ltr" role="presentation"><span>one</span></p></li><ul><li dir="ltr" aria-level="2"><p><span>two</span></p></li></ul></ul></b>',
  'pasted from Word': '<p class=MsoNormal><b>bold</b><o:p></o:p></p><p class=MsoListParagraph style="mso-list:l0 level1 lfo1"><span style="mso-list:Ignore">·<span>&nbsp;&nbsp;</span></span>item</p>',
  'definition lists, kbd, sub, sup and others': '<dl><dt>a</dt><dd>b</dd></dl><p><kbd>K</kbd><sub>1</sub><sup>2</sup><small>s</small><q>q</q><abbr title="t">x</abbr><ins>i</ins></p><address>d</address>',
  'broken html': '<p>a<p>b<b>c</p><p>d</b></div><li>e</li><td>f</td>',
  'code blocks, headings and quotes in list items': '<ol><li><blockquote>a</blockquote></li><li><img src="/a.png"></li><li>x<hr>y</li></ol>',
}

const reader = open(9)
const parse = (format, texts, convert) =>
  Object.entries(texts).map(([name, text]) => ({ format, name, text, blocks: withoutIds(convert(text)) }))
const parsed = [
  ...parse('markdown', markdownTexts, (text) => reader.editor.tryParseMarkdownToBlocks(text)),
  ...parse('html', htmlTexts, (text) => reader.editor.tryParseHTMLToBlocks(text)),
]

// ---- what was seen ----

const notes = [
  // How it stores
  'Yjs: a fragment nobody typed in is empty; the editor shows one paragraph, "initialBlockId", and stores nothing for it.',
  'Yjs: an attribute that is null is left out (colwidth); one that is undefined is stored as undefined (start, previewWidth). pycrdt reads None. Leave it out when writing: null comes out as data-start="null" and data-preview-width="null".',
  'Yjs: an empty block has no text child; after its text was deleted it keeps a text without characters ("typed, formatted …").',
  'Yjs: two texts side by side in one block are what two authors leave who typed into an empty one; read as one text.',
  'Yjs: a comment is not "comment" but "comment--" and 8 characters of base64 that hash name and values, as it may overlap itself; two threads on one word are two attributes. A plain "comment" is read just the same.',
  'Yjs: a line break is an element hardBreak between two texts, with no marks; in a codeBlock it is "\\n" in the text. By hand (in a document that no editor wrote): a hardBreak in a codeBlock makes the editor delete the whole block.',
  'Yjs: code excludes every other mark, link and comment too: the editor never makes them, and replaceBlocks throws a RangeError at blocks that ask for them. Two authors at once do make them ("two who …"), and then they stay and show in blocks.',
  'Yjs: a cell that spans columns of no width has colwidth [undefined, undefined]; in HTML colwidth=",".',
  'Yjs: values are not checked. By hand: level 9, level "2" and textAlignment "middle" are shown as they are (as <h9>); an unknown attribute is kept and ignored.',
  // Blocks
  'blocks: comments are left out. A break is "\\n" in the text before it, and takes its marks; before the first text it is a text "\\n" without marks, joined to what follows if that has none.',
  'blocks: columnWidths is null where unset; headerRows and headerCols are left out when 0, and counted wherever they stand; a table of one header row is also headerCols = its columns.',
  'blocks: two paragraphs of a cell become one text with "\\n"; start and previewWidth are left out when unset; file blocks and dividers have no content.',
  'blocks: a row has only the cells that begin in it; a cell covered by rowspan or colspan is not there.',
  // Markdown out
  'markdown: nothing is escaped but "|" in cells: "# not a heading" comes back as a heading, "```" swallows the rest of the document.',
  'markdown: lost are underline, colours, alignment, widths, toggles (list items: "*", headings: plain), comments, empty paragraphs (blank lines only), files without an address, names of captioned videos and of all audio.',
  'markdown: children of anything but list items are unnested, and so is everything but lists below a list item; below a toggle item the non-list children come first, indented.',
  'markdown: only the first number of a list counts (start on a later item is lost); a start of 0 is lost everywhere. Bullets, checks and toggles in a row are one list.',
  'markdown: marks are written run by run: "**bold** ***both**** italic*" and "**a****~~b~~**", which its own parser does not read back; spaces are moved out behind a mark but not before it: "a** bold** b"; "~~ struck ~~" not at all.',
  'markdown: a link with marks in it becomes several links with the marks outside; by hand: a link over code is dropped, its text stays; a link whose text is its address is written bare, and not read back as a link.',
  'markdown: brackets in the text of a link are not escaped, but ( ) in its address are, and the parser keeps those backslashes; spaces in an address are not escaped.',
  'markdown: a break is "\\\\\\n", in headings, list items and cells as well, where it ends the block or row; leading and trailing breaks of a paragraph go.',
  'markdown: cells are padded to ten UTF-16 units or the longest, also in CJK; no alignment row; without header an empty one is put above, with several header rows only the first is one; header columns are lost; spans leave empty cells.',
  'markdown: rule is "***", bullets "*", tasks "* [x] ", code always fenced with its language ("text" too), fence longer than any backticks inside; one trailing newline of code is lost.',
  'markdown: an image without caption is ![name](url), with one an HTML <figure>; video is ![name](url), told apart by ending of an absolute address when read, so /uploads/d.mp4 comes back as an image; audio is HTML; file is a link, its caption a paragraph. Without preview: a link. javascript: in an image is kept, in a link emptied.',
  'markdown: an empty document is "\\n"; leading spaces of the document are trimmed.',
  // HTML out
  'html: an empty block holds U+FFFC, which the parser takes out again. A paragraph of one space vanishes when read back, and so do spaces at the end of a cell.',
  'html: an <a> carries target, rel, a misspelt classname and data-inline-content-type, is split at each mark, and sits inside of them. A javascript: link gets an empty href, an image or a file keeps its address.',
  'html: named colours of blocks and marks are given both as data-… (the name) and as style (rgb of the light theme); of cells as data-… only, and alignment of cells as data-text-alignment only.',
  'html: unnested children carry data-nesting-level, which the parser ignores; toggles are <details open>; a toggle item\'s lists stand beside its <details>, not inside, so nested toggles come back as siblings.',
  'html: media without preview and files become links, and come back as paragraphs of links. Most else survives HTML and back.',
  'html_full: the editor\'s own markup with ids, handles and inline SVG; not meant for reading.',
  // Parsers
  'parse: every newline in a Markdown paragraph is a break, and the next line begins with a space ("one\\n two"), hard or soft. \\r is kept as a space.',
  'parse: not known: reference links, autolinks (<…> and bare), entities, indented code, footnotes, \\< \\& \\", setext over more than one line, "#" alone, alignment of columns, an empty item without a space behind its marker ("-", "- [ ]").',
  'parse: a fence\'s whole info string is the language; a quote holds text only: paragraphs join with a break, other blocks without anything between; "---" front matter becomes a rule and a heading.',
  'parse: an image between words is dropped; in a list item it becomes its child, with its address made absolute by the page\'s. Inline and block HTML is read as HTML.',
  'parse: <p></p>, empty links and javascript:, data: and vbscript: links vanish, their text stays; the address of an image is not looked at.',
  'parse: in HTML, spaces collapse only in texts that hold a newline, and one stays at each edge of the block; else they are kept as they are.',
  'parse: <pre> without <code> is a paragraph; <caption> becomes a first row; align, value, width of cells, <source>, <iframe>, <mark>, <kbd>, <sub> and <font> are ignored; cell paragraphs join without a space; rows may end up of unequal length.',
]

// ---- nothing may be missing: whoever adds to the schema adds a story ----

function seenIn(tree, seen = new Set()) {
  for (const { tag, attributes = {}, children = [], runs = [] } of tree) {
    if (tag) seen.add(tag)
    if (runs.length) seen.add('text')
    for (const [name, value] of Object.entries(attributes)) {
      if (value !== contract.nodes[tag].attributes[name]) seen.add(`${tag}.${name}`)
    }
    for (const mark of runs.flatMap((run) => Object.keys(run.marks))) seen.add(mark.split('--')[0])
    seenIn(children, seen)
  }
  return seen
}

const contract = JSON.parse(readFileSync(new URL('../../documents/formats/schema.json', import.meta.url), 'utf8'))
const told = stories.map(tell)
const seen = seenIn(told.flatMap((story) => story.tree))
const wanted = Object.entries(contract.nodes).flatMap(([tag, { attributes }]) =>
  tag === 'doc' ? [] : [tag, ...Object.keys(attributes).map((name) => `${tag}.${name}`)],
)
const missing = [...wanted, ...Object.keys(contract.marks)].filter((name) => !seen.has(name))
if (missing.length) throw new Error(`no story holds ${missing.join(', ')}`)

// ---- the file ----

/** One key to a line: a change shows where it is, and the file stays small. */
const lines = (record) =>
  `{\n${Object.entries(record).map(([key, value]) => `  ${JSON.stringify(key)}: ${JSON.stringify(value)}`).join(',\n')}\n }`
const list = (records) => `[\n ${records.map(lines).join(',\n ')}\n]`

const target = new URL('../../tests/vectors/blocknote.json', import.meta.url)
const { dependencies, devDependencies } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'))
const madeWith = Object.fromEntries(
  ['@blocknote/core', 'y-prosemirror', 'yjs', 'jsdom'].map((name) => [name, dependencies[name] ?? devDependencies[name]]),
)
const parts = [
  `"made_with": ${JSON.stringify(madeWith)}`,
  `"notes": ${JSON.stringify(notes, null, 1)}`,
  `"stories": ${list(told)}`,
  `"parsed": ${list(parsed)}`,
]
writeFileSync(target, `{\n${parts.join(',\n')}\n}\n`)
await vite.close()
process.exit(0)
