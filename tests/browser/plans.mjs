// The plans that the tests run.

/** Reads, then writes once it is approved, with items, a retry, a wait and a last step. */
export const REPORT = `version: 1
name: Weekly report
description: Counts what is there and writes it down.
inputs:
  title: { type: string, default: Report, description: What stands above it. }
steps:
  - id: look
    description: What is in the folder.
    tool: fs.list
    args: { path: "." }
  - id: each
    tool: fs.stat
    for_each: { in: '["one.txt", "two.txt", "three.txt"]', max_items: 3 }
    args: { path: "\${item}" }
  - id: rest
    tool: time.sleep
    after: [look]
    args: { duration_ms: 900 }
  - id: write
    description: The only effect.
    tool: fs.write
    args: { path: report.txt, content: "\${inputs.title}: \${size(steps.look.output.entries)} files" }
    allow: { paths: ["**/report.txt"] }
  - id: none
    tool: fs.stat
    if: "false"
    args: { path: report.txt }
finally:
  - id: note
    tool: fs.stat
    args: { path: report.txt }
outputs:
  title: inputs.title
`;

/** Asks a person. */
export const QUESTION = `version: 1
name: Which way
steps:
  - id: ask
    tool: human.ask
    args:
      question: Which way shall it go?
      choices: [left, right]
  - id: go
    tool: data.value
    args: { value: "\${steps.ask.output.choice}" }
`;

/** Fails after several attempts, and takes back what it did. */
export const FAILS = `version: 1
name: Publish a page
steps:
  - id: make
    tool: fs.write
    args: { path: page.html, content: "<h1>page</h1>" }
    compensate: { tool: fs.delete, args: { path: page.html } }
  - id: upload
    tool: fs.read
    args: { path: not-there.txt }
    retry: { max_attempts: 3, backoff_ms: 50 }
  - id: behind
    tool: fs.stat
    args: { path: page.html }
`;

/** A call whose outcome nobody knows. */
export const DOUBT = `version: 1
name: Pay the invoice
steps:
  - id: pay
    tool: process.exec
    args: { argv: [sh, -c, "sleep 20"] }
    timeout_ms: 300
  - id: note
    tool: fs.stat
    args: { path: "." }
`;

/** As many steps as a plan may have, in a net. */
export function large(count = 1024) {
  const steps = Array.from({ length: count }, (_, i) => {
    const after = [i - 1, i - 2 - (i % 5)]
      .filter((before) => before >= 0 && (i % 3 === 0 || before === i - 1))
      .map((before) => `s${before}`);
    return `  - { id: s${i}, tool: data.value, args: { value: ${i} }, after: [${after.join(', ')}] }`;
  });
  return `version: 1\nname: A thousand steps\nsteps:\n${steps.join('\n')}\n`;
}

/** Names and values that try to be something else than text. */
export const HOSTILE = `version: 1
name: "Invoice \\u202egpj.exe\\u202c <img src=x onerror=\\"document.title='taken'\\">"
description: "<script>document.title='taken'</script>"
steps:
  - id: say
    description: "\\u2066<b>bold</b>\\u2069"
    tool: data.value
    args: { value: "<svg onload=\\"document.title='taken'\\">\\u202eevil\\u0007" }
  - id: link
    tool: data.value
    args: { value: "javascript:document.title='taken'" }
`;
