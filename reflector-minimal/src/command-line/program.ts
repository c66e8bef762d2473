import type { Logger } from 'pino';
import type { Clock } from 'rm-protocol';
import type { Configuration, ConfigurationFile } from '../configuration/configuration.ts';
import type { Store } from '../ports/store.ts';
import type { Reflector, ReflectorOptions } from '../reflector.ts';
import type { CommandContext } from './command-context.ts';

/** Where a program is told which store it uses. */
export interface StoreSources {
  /** What `--store` or else its variable says, and the name of either for messages; `null`: neither is given. */
  readonly given: { readonly value: string; readonly name: string } | null;
  readonly file: ConfigurationFile | null;
  readonly environment: Readonly<Record<string, string | undefined>>;
}

/** Stores of a program in the place of the data file. */
export interface OtherStores {
  /** What `--store` takes, for the help. */
  readonly help: string;
  /** Opens the one that is asked for; `null`: the data file is used. Throws `ConfigurationError`. */
  chosen(sources: StoreSources): ((warn: (text: string) => void) => Promise<Store>) | null;
}

/** What a program adds to the reflector that it serves with. */
export interface Additions {
  readonly options: Partial<ReflectorOptions>;
  /** Called once it listens. What it rejects with ends the program. */
  started?(reflector: Reflector): void | Promise<void>;
  /** On SIGHUP, after the reflector has read its own files again. Must not throw. */
  reload?(): void;
  /** Called before the reflector closes, and also when its start has failed. */
  close?(): void | Promise<void>;
}

/** What the additions are made from. */
export interface AdditionsContext {
  /** Values of the program's own keys, as they are in the configuration file. */
  readonly own: Readonly<Record<string, unknown>>;
  /** The same, as they are in the file now. Throws `ConfigurationError`. */
  ownAgain(): Readonly<Record<string, unknown>>;
  /** For messages: the configuration file; `null`: there is none. */
  readonly file: string | null;
  /** Path of the data file. With a store in its place, it names the folder of whatever else the program keeps. */
  readonly data: string;
  /** What `--store` or its variable says; none by default. */
  readonly givenStore?: StoreSources['given'];
  /** Of the settings that it shares with the reflector. */
  readonly settings: Pick<ReflectorOptions, 'cookieHost' | 'domain' | 'trustProxy' | 'tls'>;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly log: Logger;
  readonly clock: Clock;
  /** To be told of payload bytes that pass other than through the tunnels of this process, which tell by themselves. */
  readonly carried?: (bytes: number) => void;
  /** Ends the program in order, with this exit status, as soon as it runs. */
  end?(status: number): void;
}

/** What a command of the program is told besides the names. */
export interface CommandPlace {
  /** Path of the data file. */
  readonly data: string;
  /** Which store takes its place, if any. */
  readonly sources: StoreSources;
  /** The value of one of its own options; `undefined`: it is not given. */
  option(name: string): string | undefined;
}

/** A command of the program besides `serve`, `device` and `user`. */
export interface ProgramCommand {
  /** How it is typed, after the name of the program. */
  readonly usage: string;
  /** What it does, for its own `--help` and that of the program; lines of at most 128 characters. */
  readonly help: string;
  /** How many names follow the command, at least and at most. */
  readonly names: readonly [number, number];
  /** Its own options, without the dashes. Each takes a value. */
  readonly options?: readonly string[];
  /** Returns the exit status. Throws `CommandError`. */
  run(names: readonly string[], place: CommandPlace, context: CommandContext): number | Promise<number>;
}

/** An option of `serve`, which takes a value. */
export interface ServeOption {
  /** What the value is, for the help. */
  readonly placeholder: string;
  readonly help: string;
}

/** What `serve` is told, for a program that runs it in several processes. */
export interface ServePlace extends CommandPlace {
  /** Of the settings that it shares with the reflector. */
  readonly settings: Pick<Configuration, 'audit'>;
}

/** A program with this command line: the reflector itself, or a bigger one built on it. */
export interface Program {
  /** As it is typed; its variables begin with it: `rm-server` has `RM_SERVER_LISTEN`. */
  readonly name: string;
  readonly version: string;
  /** Path of the data file where none is given. */
  defaultData(environment: Readonly<Record<string, string | undefined>>): string;
  /** Configuration file that is read, where there is one, unless another is given; `null`: none. */
  readonly defaultFile: string | null;
  /** By which address agents reach the reflector, as the configuration file has it; `null`: it does not say. */
  agentUrl?(file: ConfigurationFile): string | null;
  /** Keys of the configuration file besides those of the reflector. */
  readonly keys: readonly string[];
  readonly commands?: Readonly<Record<string, ProgramCommand>>;
  /** Without them there is no `--store`. */
  readonly stores?: OtherStores;
  /** Options of `serve` besides those of the reflector, without the dashes. */
  readonly serveOptions?: Readonly<Record<string, ServeOption>>;
  /**
   * Runs `serve` in other processes, and resolves with its exit status; `null`: this process serves. Throws `ConfigurationError` or
   * `CommandError`.
   */
  supervise?(place: ServePlace, context: CommandContext): Promise<number> | null;
  /** Throws `ConfigurationError`. Nothing is opened before. */
  additions?(context: AdditionsContext): Additions | Promise<Additions>;
}
