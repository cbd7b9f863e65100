package dev.penstock.cli;

import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Proxy;

import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Where a process's signals go. */
@FunctionalInterface
interface Signals {
    /** From now on {@code action} runs, on a thread of its own, for each signal of this name (TERM, INT, HUP). */
    void on(String name, Runnable action);

    /** The signals of this process. */
    static Signals ofProcess() {
        Logger log = LoggerFactory.getLogger(Signals.class);
        return (name, action) -> {
            try {
                handle(name, action);
            } catch (InvocationTargetException e) {
                // java -Xrs keeps the signal from us; Windows has no HUP.
                log.warn("event=signal-not-handled signal={} why={}", name, String.valueOf(e.getCause()));
            } catch (ReflectiveOperationException e) {
                log.warn("event=signal-not-handled signal={} why={}", name, e.toString());
            }
        };
    }

    // sun.misc.Signal is the JDK's only way to a signal. By reflection: javac warns of its package, and no
    // annotation can silence that.
    private static void handle(String name, Runnable action) throws ReflectiveOperationException {
        Class<?> signal = Class.forName("sun.misc.Signal");
        Class<?> handler = Class.forName("sun.misc.SignalHandler");
        Object proxy = Proxy.newProxyInstance(Signals.class.getClassLoader(), new Class<?>[]{handler},
                (_, method, _) -> {
                    if (method.getName().equals("handle")) {
                        action.run();
                    }
                    return null;
                });
        signal.getMethod("handle", signal, handler).invoke(null, signal.getConstructor(String.class).newInstance(name),
                proxy);
    }
}
