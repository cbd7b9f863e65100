package dev.penstock.top;

import java.io.IOException;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;

import org.jline.terminal.Attributes;
import org.jline.terminal.Size;
import org.jline.terminal.Terminal;
import org.jline.terminal.TerminalBuilder;
import org.jline.utils.AttributedString;
import org.jline.utils.Display;
import org.jline.utils.InfoCmp.Capability;
import org.jspecify.annotations.Nullable;

import dev.penstock.admin.AdminClient;
import dev.penstock.admin.AdminProblem;
import dev.penstock.top.Answers.Question;

/**
 * The screen of a running gateway. Confined to the thread that runs it, but for {@link #end}: keys, answers and signals come
 * to it as events.
 */
public final class Top {
    private static final Duration TICK = Duration.ofSeconds(1);
    private static final int USUAL_WIDTH = 80;
    private static final int USUAL_HEIGHT = 24;

    private final Gateway gateway;
    private final Details details;
    private final Palette palette;
    private final BlockingQueue<Event> events = new LinkedBlockingQueue<>();
    private View view;
    private Model model = Model.EMPTY;
    private @Nullable Question asked; // and not yet answered
    private long askedNanos;

    /**
     * @param gateway is opened on a thread that this starts
     * @param filter  to begin with
     * @param colours whether there are any
     */
    public Top(Gateway gateway, Details details, Screen screen, Filter filter, Duration interval, boolean colours) {
        this.gateway = gateway;
        this.details = details;
        this.view = View.of(screen, filter, interval);
        this.palette = new Palette(colours);
    }

    /**
     * Asks once, so that what is wrong from the start is told as other commands tell it, and not on a screen.
     *
     * @throws AdminProblem when the gateway answers with one
     * @throws IOException  when there is no gateway to ask
     */
    public void look(AdminClient client) throws AdminProblem, IOException {
        model = model.with(Answers.ask(client, Question.of(view), details));
    }

    /** What was seen by {@link #look}, in lines of text that are at most so wide. */
    public List<String> text(int width) {
        return new Picture(view.unchosen(), model, Instant.now(), width, Question.MOST_ROWS, new Palette(false)).text();
    }

    /** It is over. From any thread. */
    public void end() {
        events.add(new Event.Ended());
    }

    /**
     * Shows what goes on until somebody has enough of it, and leaves the terminal as it was.
     *
     * @throws IOException when this is no terminal that can be drawn on
     */
    public void run() throws IOException, InterruptedException {
        try (Terminal terminal = TerminalBuilder.builder().system(true).dumb(false).provider("ffm")
                .graphemeCluster(false).build()) {
            if (terminal.getStringCapability(Capability.cursor_address) == null) {
                throw new IOException("a terminal of type " + terminal.getType() + " can't be drawn on; use --once");
            }
            terminal.handle(Terminal.Signal.WINCH, _ -> events.add(new Event.Resized()));
            terminal.handle(Terminal.Signal.CONT, _ -> events.add(new Event.Continued()));
            terminal.handle(Terminal.Signal.INT, _ -> end());
            Attributes before = terminal.getAttributes();
            try {
                enter(terminal);
                show(terminal);
            } finally {
                terminal.puts(Capability.cursor_normal);
                terminal.puts(Capability.exit_ca_mode);
                terminal.flush();
                terminal.setAttributes(before);
            }
        }
    }

    /** Keys come one by one, also those that the system has a meaning for. */
    private static void enter(Terminal terminal) {
        terminal.enterRawMode();
        Attributes raw = terminal.getAttributes();
        raw.setLocalFlag(Attributes.LocalFlag.ISIG, false);
        terminal.setAttributes(raw);
        terminal.puts(Capability.enter_ca_mode);
        terminal.puts(Capability.cursor_invisible);
    }

    private void show(Terminal terminal) throws InterruptedException {
        Display display = new Display(terminal, true);
        boolean anew = true;
        Thread.ofPlatform().daemon().name("top-keys")
                .uncaughtExceptionHandler((_, fault) -> events.add(new Event.Failed(fault)))
                .start(() -> readKeys(terminal));
        try (Asker asker = Asker.start(gateway, details, events::add)) {
            askedNanos = System.nanoTime();
            while (true) {
                Picture picture = picture(terminal);
                draw(terminal, display, picture, anew);
                Event event = events.poll(patience().toNanos(), TimeUnit.NANOSECONDS);
                anew = false;
                for (; event != null; event = events.poll()) {
                    anew |= event instanceof Event.Resized || event instanceof Event.Continued
                            || event instanceof Event.Pressed(Key key) && key == Key.Named.REDRAW;
                    if (event instanceof Event.Continued) {
                        enter(terminal);
                    }
                    if (!take(event, picture)) {
                        return;
                    }
                    picture = picture(terminal);
                }
                askAgain(asker);
            }
        }
    }

    /** @return whether it goes on */
    private boolean take(Event event, Picture picture) {
        switch (event) {
            case Event.Pressed(Key key) -> {
                View next = view.press(key, picture);
                if (next == null) {
                    return false;
                }
                view = next;
            }
            case Event.Answered(Answers answers) -> {
                answered(answers.question());
                model = model.with(answers);
            }
            case Event.Lost(Question question, String why) -> {
                answered(question);
                model = model.without(why);
            }
            case Event.Resized _,Event.Continued _ -> {
                // the next picture has the terminal's size
            }
            case Event.Failed(Throwable fault) -> throw new IllegalStateException("a thread of the screen", fault);
            case Event.Ended _ -> {
                return false;
            }
        }
        return true;
    }

    private void answered(Question question) {
        if (question.equals(asked)) {
            asked = null;
        }
    }

    /** When it is time, or something else is looked at; where there was no answer, when it is time alone. */
    private void askAgain(Asker asker) {
        Question question = Question.of(view);
        Answers answers = model.answers();
        boolean isNew = !question.equals(asked) && (answers == null || !question.equals(answers.question()));
        boolean isDue = asked == null && untilNext().isZero();
        if (isNew && model.trouble().isEmpty() || isDue && !view.paused() || isDue && isNew) {
            asked = question;
            askedNanos = System.nanoTime();
            asker.ask(question);
        }
    }

    private Duration untilNext() {
        Duration left = view.interval().minusNanos(System.nanoTime() - askedNanos);
        return left.isNegative() ? Duration.ZERO : left;
    }

    /** Until something changes by itself: how long there was no answer, or the next look. */
    private Duration patience() {
        return asked != null || view.paused() ? TICK : untilNext();
    }

    private Picture picture(Terminal terminal) {
        Size size = terminal.getSize();
        return new Picture(view, model, Instant.now(), size.getColumns() > 0 ? size.getColumns() : USUAL_WIDTH,
                size.getRows() > 0 ? size.getRows() : USUAL_HEIGHT, palette);
    }

    /** Writes what has changed. */
    private static void draw(Terminal terminal, Display display, Picture picture, boolean anew) {
        display.resize(Size.of(picture.width(), picture.height()));
        if (anew) {
            display.clear();
        }
        int column = picture.cursor();
        terminal.puts(column < 0 ? Capability.cursor_invisible : Capability.cursor_normal);
        List<AttributedString> lines = picture.lines();
        // Without an end a line would be one with the next for whoever copies from the screen.
        lines.replaceAll(line -> AttributedString.join(AttributedString.EMPTY, line, AttributedString.NEWLINE));
        display.update(lines, column < 0 ? 0 : (picture.height() - 1) * (picture.width() + 1) + column);
    }

    private void readKeys(Terminal terminal) {
        try {
            KeyReader keys = new KeyReader(millis -> terminal.reader().read(millis));
            for (Key key = keys.next(); key != null; key = keys.next()) {
                events.add(new Event.Pressed(key));
            }
        } catch (IOException _) {
            // the terminal has gone, or is given back
        }
        end();
    }
}
