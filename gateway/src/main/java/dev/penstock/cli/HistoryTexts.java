package dev.penstock.cli;

import java.io.PrintStream;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;

import org.jspecify.annotations.Nullable;

import dev.penstock.admin.HistoryAnswer.EventHost;
import dev.penstock.admin.HistoryAnswer.EventMeaning;
import dev.penstock.admin.HistoryAnswer.EventReply;
import dev.penstock.admin.HistoryAnswer.EventSession;
import dev.penstock.admin.HistoryAnswer.EventTls;
import dev.penstock.admin.HistoryAnswer.HistoryEvent;
import dev.penstock.admin.HistoryAnswer.MessageStory;
import dev.penstock.admin.HistoryAnswer.Reach;
import dev.penstock.message.MessageEvent;
import dev.penstock.units.Durations;

/** What happened to messages, as people read it. Confined to one thread. */
final class HistoryTexts {
    /** The index shows what happened within a second; less than this isn't worth a word. */
    private static final Duration USUAL_LAG = Duration.ofSeconds(2);
    /** Others speak to us in these, in all others we speak to them. */
    private static final Set<String> INBOUND = Set.of("Reception",
            MessageEvent.Type.REJECTION.label());
    private static final String INDENT = "  ";

    private final PrintStream out;

    HistoryTexts(PrintStream out) {
        this.out = out;
    }

    /** All of a message but where it is queued now. */
    void story(MessageStory story) {
        story.events().stream().findFirst().ifPresentOrElse(first -> out.println(Text.clean("message " + story.id()
                + " from <" + first.sender() + ">" + named(", tenant ", first.tenant())
                + named(", campaign ", first.campaign()) + ", " + first.mailClass())),
                () -> out.println("message " + story.id() + ": nothing happened to it that is found"));
        story.events().forEach(this::event);
    }

    private void event(HistoryEvent event) {
        EventSession session = event.session();
        boolean inbound = INBOUND.contains(event.type());
        out.println();
        line(event.at() + " " + event.type() + " for " + String.join(", ", event.recipients())
                + (inbound || session.id().isEmpty() ? "" : ", attempt " + (event.attemptsBefore() + 1)));
        if (session.host() != null || !session.id().isEmpty()) {
            line(INDENT + (inbound ? inbound(event) : outbound(session)));
        }
        EventReply reply = event.reply();
        line(INDENT + said(reply) + (reply.command().isEmpty() ? "" : " (to " + reply.command() + ")"));
        EventMeaning meaning = event.meaning();
        if (!meaning.action().isEmpty() || !meaning.category().isEmpty()) {
            line(INDENT + "class " + meaning.bounceClass() + named(", category ", meaning.category())
                    + named(", about ", meaning.scope()) + named(": ", meaning.action()));
        }
    }

    private static String inbound(HistoryEvent event) {
        EventSession session = event.session();
        return "by " + host(session.host()) + named(", login ", event.client().user())
                + named(", listener ", event.client().listener()) + named(" at ", session.local()) + secured(session)
                + named(", Message-ID ", event.client().messageId());
    }

    private static String outbound(EventSession session) {
        return "at " + host(session.host()) + named(", from ", session.local()) + named(", source ", session.source())
                + named(", pool ", session.pool()) + named(", site ", session.site()) + secured(session);
    }

    private static String secured(EventSession session) {
        EventTls tls = session.tls();
        return named(", session ", session.id()) + ", " + session.protocol() + (tls == null
                ? ", in clear"
                : ", " + tls.version() + named(" ", tls.cipher()) + named(" ", tls.result())
                        + named(" by ", tls.policy()));
    }

    private static String host(@Nullable EventHost host) {
        return host == null ? "nobody" : host.name() + "[" + host.address() + "]";
    }

    private static String said(EventReply reply) {
        return reply.code() + named(" ", reply.enhanced()) + named(" ", reply.text());
    }

    /** What the answer leaves out; empty when that is nothing. */
    static List<String> missing(Reach reach) {
        List<String> missing = new ArrayList<>();
        if (reach.gone() > 0) {
            missing.add(Text.count(reach.gone(), "block")
                    + " of lines that may fit can't be read: their files of the delivery log are gone");
        }
        if (reach.trouble() != null) {
            missing.add("the index doesn't go on: " + reach.trouble());
        }
        if (reach.behindMillis() >= USUAL_LAG.toMillis()) {
            missing.add("what happened in the last "
                    + Durations.format(Duration.ofSeconds(Duration.ofMillis(reach.behindMillis()).toSeconds()))
                    + " isn't all found yet");
        }
        return missing.stream().map(Text::clean).collect(Collectors.toList());
    }

    /** An event on one line. */
    static String line(HistoryEvent event, boolean withMessage) {
        EventSession session = event.session();
        StringBuilder line = new StringBuilder();
        line.append(event.at()).append(' ').append(event.type());
        if (withMessage) {
            line.append(' ').append(event.id() == null ? "-" : event.id());
        }
        line.append(" <").append(event.sender()).append("> to ").append(String.join(",", event.recipients()))
                .append(named(" tenant=", event.tenant())).append(named(" campaign=", event.campaign()));
        EventHost host = session.host();
        if (host != null) {
            line.append(event.client().listener().isEmpty() ? " at " : " by ").append(host(host));
        }
        line.append(named(" from ", session.local())).append(named(" session=", session.id()));
        EventTls tls = session.tls();
        if (tls != null) {
            line.append(named(" ", tls.version())).append(named(" ", tls.result()));
        }
        line.append(": ").append(said(event.reply())).append(named(" class=", event.meaning().category()))
                .append(named(" decision=", event.meaning().action()));
        return Text.clean(line);
    }

    private static String named(String before, String value) {
        return value.isEmpty() ? "" : before + value;
    }

    private void line(String text) {
        out.println(Text.clean(text));
    }
}
