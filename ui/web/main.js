// SPDX-License-Identifier: GPL-2.0-or-later
// The page's tabs: the screen (noVNC) and a terminal for each text console (xterm.js). What tests look at is
// window.rhea.
import RFB from '@novnc/novnc';
import { Terminal } from '@xterm/xterm';

const RETRY_MS = 2000;
const token = new URLSearchParams(location.search).get('token') || '';
const tabs = document.getElementById('tabs');
const views = document.getElementById('views');
const status = document.createElement('span');
const rhea = { screen: 'connecting', terminals: [] };
window.rhea = rhea;

function address(path) {
    const scheme = location.protocol === 'https:' ? 'wss:' : 'ws:';
    return `${scheme}//${location.host}${path}?token=${encodeURIComponent(token)}`;
}

function say(text) {
    rhea.screen = text;
    status.textContent = text === 'connected' ? '' : text;
}

function button(text, action) {
    const element = document.createElement('button');
    element.textContent = text;
    element.addEventListener('click', action);
    tabs.append(element);
    return element;
}

function addView(name, onChoose) {
    const view = document.createElement('div');
    const tab = button(name, () => {
        for (const element of document.querySelectorAll('.chosen')) {
            element.classList.remove('chosen');
        }
        view.classList.add('chosen');
        tab.classList.add('chosen');
        onChoose();
    });
    views.append(view);
    return { view, tab };
}

function addScreen() {
    let rfb = null;
    const { view, tab } = addView('Screen', () => rfb && rfb.focus());

    function connect() {
        rfb = new RFB(view, address('/vnc'), { wsProtocols: ['binary'], shared: true });
        rfb.scaleViewport = true;
        rfb.addEventListener('connect', () => { say('connected'); rfb.focus(); });
        rfb.addEventListener('disconnect', () => {
            say('disconnected');
            setTimeout(connect, RETRY_MS);
        });
        rhea.rfb = rfb;
    }
    connect();
    tab.click();
    return () => rfb;
}

function addTerminal(name, number) {
    const terminal = new Terminal({ cols: 80, rows: 24, scrollback: 5000 });
    const { view } = addView(name, () => terminal.focus());
    let socket = null;

    function connect() {
        socket = new WebSocket(address(`/console/${number}`), ['binary']);
        socket.binaryType = 'arraybuffer';
        socket.onopen = () => terminal.reset();
        socket.onmessage = (event) => terminal.write(new Uint8Array(event.data));
        socket.onclose = () => setTimeout(connect, RETRY_MS);
    }
    connect();
    terminal.open(view);
    terminal.onData((data) => {
        if (socket.readyState === WebSocket.OPEN) {
            socket.send(new TextEncoder().encode(data));
        }
    });
    rhea.terminals.push(terminal);
}

async function start() {
    const rfb = addScreen();
    const answer = await fetch(`/consoles?token=${encodeURIComponent(token)}`);
    const names = answer.ok ? await answer.json() : [];
    names.forEach(addTerminal);
    button('Ctrl-Alt-Del', () => { rfb().sendCtrlAltDel(); rfb().focus(); });
    button('Full screen', () => document.documentElement.requestFullscreen());
    tabs.append(status);
}

start();
