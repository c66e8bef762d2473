import { makeRequests } from '../src/program/requests.ts';
import { native } from './native.ts';

native.scripts.mqtt = makeRequests;
