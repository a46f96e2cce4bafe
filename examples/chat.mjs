// Talk to an agent and follow the feed at the same time. Node 18 or newer, no packages.
//
//   node examples/chat.mjs "Good morning!"
//
// LINGXI_URL says where (http://127.0.0.1:8000), LINGXI_USER and LINGXI_PASSWORD who; whoever isn't
// known yet is registered. The feed comes back by itself, with the last id it got.

const url = process.env.LINGXI_URL ?? "http://127.0.0.1:8000";
const account = {
  username: process.env.LINGXI_USER ?? "example",
  password: process.env.LINGXI_PASSWORD ?? "correct horse battery",
};

const post = (path, body, access) =>
  fetch(url + path, {
    method: "POST",
    headers: {
      "Content-Type": "application/json",
      ...(access && { Authorization: `Bearer ${access}` }),
    },
    body: JSON.stringify(body),
  });

async function logIn() {
  const registered = await post("/api/auth/register/", account);
  if (!registered.ok && registered.status !== 409) throw new Error(await registered.text());
  const login = await post("/api/auth/login/", account);
  if (!login.ok) throw new Error(await login.text());
  return (await login.json()).access;
}

// The frames of a stream of server-sent events.
async function* frames(body) {
  const decoder = new TextDecoder();
  let text = "";
  for await (const chunk of body) {
    text += decoder.decode(chunk, { stream: true });
    const blocks = text.split("\n\n");
    text = blocks.pop();
    for (const block of blocks) {
      const frame = {};
      for (const line of block.split("\n")) {
        const at = line.indexOf(": ");
        if (at > 0) frame[line.slice(0, at)] = line.slice(at + 2);
      }
      if (frame.data) yield { ...frame, data: JSON.parse(frame.data) };
    }
  }
}

// Everything that happens to this user, in order and once, through cuts; until `take` says done.
async function follow(access, take) {
  let last = "";
  for (;;) {
    try {
      const answer = await fetch(`${url}/api/events/`, {
        headers: { Authorization: `Bearer ${access}`, ...(last && { "Last-Event-ID": last }) },
      });
      if (answer.status === 401) throw new Error("the token has ended: log in again");
      if (answer.ok) {
        for await (const frame of frames(answer.body)) {
          if (frame.id) last = frame.id;
          if (take(frame.event, frame.data)) return;
        }
      }
    } catch (error) {
      if (error.name !== "TypeError") throw error; // a TypeError is a cut: come back
    }
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
}

const access = await logIn();
const message = process.argv.slice(2).join(" ") || "Good morning!";
const shown = new Map(); // `turn/bubble`: what of it is on the screen
let attempt = 0;
let turn;

await follow(access, (event, data) => {
  if (event === "ready") {
    console.log(`> ${message}`);
    post("/api/chat/", { message }, access).then(async (answer) => {
      if (!answer.ok) console.error(await answer.text());
    });
  } else if (event === "turn_started") {
    turn = data.turn_id;
  } else if (event === "delta" && data.turn_id === turn) {
    if (data.attempt > attempt) shown.clear();
    attempt = data.attempt;
    // What comes twice begins before the end of what is shown: only the rest of it is new.
    const text = shown.get(data.bubble) ?? "";
    const characters = [...data.text];
    const fresh = characters.slice(Math.max(0, [...text].length - data.offset_chars)).join("");
    if (!text && data.bubble > 0) process.stdout.write("\n");
    shown.set(data.bubble, text + fresh);
    process.stdout.write(fresh);
  } else if (event === "message_sent" && data.message.turn_id === turn) {
    const text = shown.get(data.message.bubble);
    if (text === undefined) process.stdout.write(`${data.message.message}\n`);
  } else if (event === "turn_completed" && data.turn_id === turn) {
    console.log(`\n(${data.model}, ${data.latency_ms} ms)`);
    return true;
  } else if (event === "turn_failed" && data.turn_id === turn) {
    console.error(`${data.code}: ${data.detail}`);
    return true;
  }
  return false;
});
process.exit(0);
