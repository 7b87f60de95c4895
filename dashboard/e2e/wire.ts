import { createServer, connect, type Socket } from "node:net";

/** A way to a server that a test can cut. */
export class Wire {
  private readonly server = createServer((near) => this.join(near));
  private readonly ends = new Set<Socket>();
  private isWhole = true;

  private constructor(private readonly target: number) {}

  /** A wire to a port of this machine. */
  static async to(port: number): Promise<Wire> {
    const wire = new Wire(port);
    await new Promise<void>((resolve) => wire.server.listen(0, "127.0.0.1", resolve));
    return wire;
  }

  get url(): string {
    const address = this.server.address();
    if (typeof address !== "object" || !address) throw new Error("the wire is not there");
    return `http://127.0.0.1:${String(address.port)}`;
  }

  /** Ends every connection, and lets none through until it is mended. */
  cut(): void {
    this.isWhole = false;
    for (const end of this.ends) end.destroy();
  }

  mend(): void {
    this.isWhole = true;
  }

  async remove(): Promise<void> {
    this.cut();
    await new Promise((resolve) => this.server.close(resolve));
  }

  private join(near: Socket): void {
    if (!this.isWhole) {
      near.destroy();
      return;
    }
    const far = connect(this.target, "127.0.0.1");
    for (const [one, other] of [
      [near, far],
      [far, near],
    ] as const) {
      this.ends.add(one);
      one.pipe(other);
      one.on("error", () => one.destroy());
      one.on("close", () => {
        this.ends.delete(one);
        other.destroy();
      });
    }
  }
}
