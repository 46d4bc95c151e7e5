// What comes of an action is there a moment later, not with the action's own promise.

// Asks again and again until `check` accepts what `read` gives, and returns that. Fails as the check does when the patience
// is over. For what is to come about; what is never to come about needs a moment at which it would be there: see `painted`.
export async function becomes(read, check, patience = 60_000) {
  const end = performance.now() + patience;
  for (;;) {
    const value = await read();
    try {
      check(value);
      return value;
    } catch (error) {
      if (error.name !== "AssertionError" || performance.now() > end) throw error;
    }
    await new Promise((done) => setTimeout(done, 20));
  }
}
