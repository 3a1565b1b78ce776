// What the browser test asks of an open notebook. What a control yields is compared by the text
// and drawings beside it, not by its own handle.
window.book = {
  errors: [],
  panel: () => jupyterapp.shell.currentWidget,
  kernel: () => book.panel()?.sessionContext?.session?.kernel,
  idle: () => book.kernel()?.status === 'idle' && book.kernel()?.connectionStatus === 'connected',
  // widgets stand in the page; all that was sent to the kernel is answered and painted: there, widgets
  // have a thread of their own
  async settled() {
    for (let turn = 0; turn < 2; turn++) {
      do await book.frame(); while (book.sent.size || book.unborn());
    }
  },
  sent: new Set(),
  // a place still waits for its widget
  unborn: () => [...book.panel().content.node.querySelectorAll('.jp-OutputArea-output')].some(e =>
    e.textContent.startsWith('Loading widget') || e.querySelector('.widget-box > .lm-Widget:empty')),
  frame: () => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done))),
  listen() {
    book.kernel().anyMessage.connect((_, {msg, direction}) => {
      const state = msg.content.execution_state;
      if (direction === 'send' && msg.channel === 'shell') book.sent.add(msg.header.msg_id);
      else if (state === 'idle') book.sent.delete(msg.parent_header.msg_id);
      else if (state === 'restarting') book.sent.clear();
    });
    book.kernel().iopubMessage.connect((_, m) => {
      if (m.header.msg_type === 'error') book.errors.push(m.content.ename + ': ' + m.content.evalue);
      // "No such comm …": JupyterLab asks a young kernel for its widgets before ipywidgets is there;
      // whether that reply falls into the run of a cell is chance
      if (m.header.msg_type === 'stream' && m.content.name === 'stderr'
          && !m.content.text.startsWith('No such comm'))
        book.errors.push('stderr: ' + m.content.text);
    });
  },
  shown: i => [...book.panel().content.widgets[i].node
    .querySelectorAll('.widget-html-content, .widget-image, .jp-RenderedText')]
    .map(e => e.outerHTML).join('|'),
  more: () => document.querySelectorAll('button.cnnbook-more').forEach(e => e.click()),
  controls() {
    const css = '.jp-OutputArea-output button, .jp-OutputArea-output select,' +
      '.jp-OutputArea-output input:not([type=hidden])';
    let n = 0, buttons; const found = [];
    book.panel().content.widgets.forEach((w, cell) => w.node.querySelectorAll(css).forEach(e => {
      const box = e.getBoundingClientRect();
      // have own tests, were opened before, or change what comes later
      const own = e.closest('.cnnbook-bench, .cnnbook-glass, .cnnbook-script, .cnnbook-weights,'
        + '.cnnbook-more, .cnnbook-speed');
      if (own || e.disabled || !box.width || !box.height) return;
      // the buttons of a step bar are the same everywhere: those of the first one
      if (e.closest('.cnnbook-icon') && (buttons ??= cell) !== cell) return;
      const kind = e.type === 'range' ? 'slider' : e.tagName === 'INPUT' ? e.type
        : e.tagName.toLowerCase();
      const group = e.closest('.widget-inline-hbox');
      const label = group?.querySelector('.widget-label')?.textContent || e.labels?.[0]?.textContent
        || e.title || e.textContent || kind;
      e.dataset.book = n; found.push({n: n++, cell, kind, label: label.trim()});
    }));
    return found;
  },
  // from an event to the end of the first frame with another picture: what a reader waits; a click
  // begins where the button is let go
  watch(i, ...events) {
    const root = book.panel().content.widgets[i].node;
    book.pressed = null; book.painted = null;
    const start = e => { book.pressed ??= e.timeStamp; };
    for (const e of events) window.addEventListener(e, start, {capture: true, once: true});
    book.observer?.disconnect();
    book.observer = new MutationObserver(changes => {
      const content = changes.some(m => (m.target.closest ?? (() => null))
        .call(m.target, '.widget-html-content, .widget-image') || m.target.tagName === 'IMG');
      if (book.pressed === null || book.painted !== null || !content) return;
      const shown = new MessageChannel();
      shown.port1.onmessage = () => { book.painted ??= performance.now(); };
      requestAnimationFrame(() => shown.port2.postMessage(0)); // comes after the frame is painted
    });
    book.observer.observe(root, {subtree: true, childList: true, attributes: true});
  },
  latency: () => book.pressed !== null && book.painted !== null ? book.painted - book.pressed : null,
  outputs: () => book.panel().content.widgets.filter(w => w.model.type === 'code').map(w => ({
    count: w.model.executionCount, source: w.model.sharedModel.getSource(),
    errors: w.model.outputs.toJSON().filter(o => o.output_type === 'error').map(o => o.ename + ': ' + o.evalue)})),
  find: text => book.panel().content.widgets.findIndex(w => w.model.type === 'code'
    && w.model.sharedModel.getSource().includes(text)),
  texts: i => book.panel().content.widgets[i].model.outputs.toJSON()
    .map(o => o.text ?? o.data?.['text/plain']).map(t => Array.isArray(t) ? t.join('') : t),
  focus: i => {
    const handle = [...book.panel().content.widgets[i].node.querySelectorAll('[type=range]')].pop();
    handle.scrollIntoView();
    handle.focus();
  },
  name: i => { book.panel().content.widgets[i].node.dataset.cell = i; },
  // the kinds of parts of a picture that answer a pointer, and where one is: share 0 is the first,
  // 1 the last of them
  kinds: i => [...new Set(book.parts(i).map(e => JSON.parse(e.dataset.touch)[0]))],
  parts: i => [...book.panel().content.widgets[i].node.querySelectorAll('[data-touch]')],
  spot: (i, kind, share) => {
    const some = new Map();
    for (const e of book.parts(i).filter(e => JSON.parse(e.dataset.touch)[0] === kind))
      some.set(e.dataset.touch, e); // one may stand in several marks
    const part = [...some.values()][Math.round(share * (some.size - 1))];
    part.scrollIntoView({block: 'center'});
    const box = part.getBoundingClientRect(), inside = 0.2 + 0.6 * share;
    return part.dataset.grid ? [box.x + inside * box.width, box.y + inside * box.height]
      : [box.x + 0.4 * box.width, box.y + 0.4 * box.height]; // a middle may be a gap
  },
  open: async path => { await jupyterapp.commands.execute('docmanager:open', {path}); },
  scroll: i => book.panel().content.widgets[i].node.scrollIntoView(),
  write: (i, source) => book.panel().content.widgets[i].model.sharedModel.setSource(source),
  run: i => {
    book.panel().content.activeCellIndex = i;
    return jupyterapp.commands.execute('notebook:run-cell');
  },
  async run_each(cells) {
    for (const i of cells) await book.run(i);
  },
  broken: () => [...book.panel().content.node.querySelectorAll('mjx-merror, .jupyter-widgets-error-widget')]
    .map(e => e.textContent)
    .concat([...book.panel().content.node.querySelectorAll('img')]
      .filter(e => e.complete && !e.naturalWidth && e.getAttribute('src')).map(e => 'image ' + e.src.slice(0, 80))),
};
