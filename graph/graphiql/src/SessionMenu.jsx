import { useSchemaStore } from "@graphiql/react";
import { useEffect, useRef, useState, useSyncExternalStore } from "react";

import { getSession, onSessionChange, signIn, signOut } from "./session.js";

/** "Sign in" at the end of the tab bar, or who is signed in and "Sign out". */
export function SessionMenu() {
  const session = useSyncExternalStore(onSessionChange, getSession);
  const viewer = session?.viewer;
  useSchemaOf(viewer);

  return (
    <div className="session">
      {viewer ? (
        <>
          <span>
            {viewer.name} <small>{viewer.role.toLowerCase()}</small>
          </span>
          <button type="button" className="graphiql-button" onClick={signOut}>
            Sign out
          </button>
        </>
      ) : (
        <SignIn />
      )}
    </div>
  );
}

/** What introspection answers may depend on who asks. */
function useSchemaOf(viewer) {
  const { introspect } = useSchemaStore();
  const signedIn = Boolean(viewer);
  const shown = useRef(signedIn);
  useEffect(() => {
    if (shown.current === signedIn) return;
    shown.current = signedIn;
    introspect();
  }, [signedIn, introspect]);
}

function SignIn() {
  const dialog = useRef(null);
  const [problem, setProblem] = useState(null);
  const [busy, setBusy] = useState(false);

  async function submit(event) {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    setBusy(true);
    setProblem(null);
    try {
      await signIn(form.get("email"), form.get("password"));
    } catch (error) {
      setProblem(error.message);
    } finally {
      setBusy(false);
    }
  }

  return (
    <>
      <button
        type="button"
        className="graphiql-button"
        aria-haspopup="dialog"
        onClick={() => dialog.current.showModal()}
      >
        Sign in
      </button>
      <dialog ref={dialog} className="sign-in" aria-labelledby="sign-in-title">
        <form onSubmit={submit}>
          <h2 id="sign-in-title">Sign in</h2>
          <p>
            Requests from this tab carry your access token until you sign out, unless their Headers
            pane has an Authorization of its own.
          </p>
          <label>
            Email
            <input name="email" type="email" autoComplete="username" required autoFocus />
          </label>
          <label>
            Password
            <input name="password" type="password" autoComplete="current-password" required />
          </label>
          <p role="alert">{problem}</p>
          <footer>
            <button
              type="button"
              className="graphiql-button"
              onClick={() => dialog.current.close()}
            >
              Cancel
            </button>
            <button type="submit" className="graphiql-button primary" disabled={busy}>
              Sign in
            </button>
          </footer>
        </form>
      </dialog>
    </>
  );
}
