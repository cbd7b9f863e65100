package dev.penstock.admin;

import java.io.IOException;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Collectors;
import java.util.stream.Stream;

import dev.penstock.admin.QueueAnswer.Message;
import dev.penstock.admin.QueueAnswer.MessageDetail;
import dev.penstock.admin.QueueAnswer.Messages;
import dev.penstock.admin.QueueAnswer.Queues;
import dev.penstock.admin.QueueAnswer.WhyOf;
import dev.penstock.http.Problem;
import dev.penstock.message.MessageId;
import dev.penstock.queue.Grouping;
import dev.penstock.queue.MessagePage;
import dev.penstock.queue.MessagePage.Cursor;
import dev.penstock.queue.NamePattern;
import dev.penstock.queue.QueueTable;
import dev.penstock.queue.QueueTable.Column;
import dev.penstock.queue.QueueViews;
import dev.penstock.queue.Selection;
import dev.penstock.spool.Spool;

/** What is queued and why, and how all stands: the routes that only read. Stateless but for what it asks. */
public final class ViewRoutes {
    private static final int USUAL = 100;
    private static final int MOST = 1_000;

    private final QueueViews views;
    private final QueuedMessages queued;
    private final Standing standing;

    private ViewRoutes(QueueViews views, QueuedMessages queued, Standing standing) {
        this.views = views;
        this.queued = queued;
        this.standing = standing;
    }

    public static List<AdminRoute> of(QueueViews views, Spool spool, Standing standing) {
        return new ViewRoutes(views, new QueuedMessages(views, spool), standing).routes();
    }

    private List<AdminRoute> routes() {
        return List.of(
                AdminRoute.get("/status", Role.READ, "How the gateway stands: mail in and out, connections, what is "
                        + "queued, the fullest providers, alarms.")
                        .answers(StandingAnswer.Status.class, _ -> standing.status()),
                AdminRoute
                        .get("/traffic", Role.READ, "What happened in each minute of the last hour: of all, or of one "
                                + "domain, site, provider, source, pool, tenant or campaign.")
                        .query("by", String.class, "with name: " + words(Grouping.values()))
                        .query("name", String.class, "of that; of a campaign tenant/campaign; - for none")
                        .answers(StandingAnswer.LastHour.class, this::traffic),
                SelectionQuery.declare(paged(sorted(AdminRoute.get("/queues", Role.READ,
                        "What is queued, by domain, site, provider, source, pool, tenant or campaign."))
                        .query("by", String.class, words(Grouping.values())))
                        .query("offset", Integer.class, "Rows to leave out at the beginning"), false)
                        .answers(Queues.class, this::queues),
                AdminRoute.get("/queues/{domain}", Role.READ, "A domain's mail: what holds it, its ready queues with "
                        + "their limits and last replies.")
                        .answers(WhyOf.class, this::domain),
                SelectionQuery
                        .declare(paged(AdminRoute.get("/messages", Role.READ, "Queued messages, the oldest first."))
                                .query("cursor", String.class, "Where the page before ended: its next"), true)
                        .answers(Messages.class, this::messages),
                AdminRoute
                        .get("/messages/{id}", Role.READ, "A queued message, with why it waits and what became of its "
                                + "recipients.")
                        .answers(MessageDetail.class, this::message),
                SelectionQuery
                        .declare(AdminRoute.get("/why", Role.READ, "Why mail hasn't gone yet, and when it will: of a "
                                + "domain, site, provider, source, pool, tenant, campaign or class, or of all."), false)
                        .answers(WhyOf.class, this::why),
                paged(sorted(AdminRoute.get("/providers", Role.READ, "Providers with mail or traffic.")))
                        .answers(StandingAnswer.Providers.class,
                                request -> standing.providers(column(request), isReversed(request), limit(request))),
                AdminRoute.get("/providers/{provider}", Role.READ, "A provider: what adaptive control does there and "
                        + "why, what holds its mail, its last replies; - for nobody known.")
                        .answers(StandingAnswer.Provider.class,
                                request -> standing.provider(none(request.path("provider")))),
                AdminRoute.get("/sources", Role.READ, "Sources, with their warm-up and why they aren't used.")
                        .answers(StandingAnswer.Sources.class, _ -> standing.sources()),
                AdminRoute.get("/sources/{source}", Role.READ, "A source.")
                        .answers(StandingAnswer.Source.class, this::source),
                paged(sorted(AdminRoute.get("/tenants", Role.READ, "Tenants with mail or traffic.")))
                        .answers(StandingAnswer.Tenants.class,
                                request -> standing.tenants(Grouping.TENANT, column(request), isReversed(request),
                                        limit(request))),
                paged(sorted(AdminRoute.get("/campaigns", Role.READ, "Campaigns with mail or traffic.")))
                        .answers(StandingAnswer.Tenants.class,
                                request -> standing.tenants(Grouping.CAMPAIGN, column(request), isReversed(request),
                                        limit(request))));
    }

    private static AdminRoute paged(AdminRoute route) {
        return route.query("limit", Integer.class, "Rows at most, " + USUAL + " unless said, up to " + MOST);
    }

    private static AdminRoute sorted(AdminRoute route) {
        return route.query("sort", String.class,
                "The column by which rows are put in order, queued unless said; with a "
                        + "- before it the other way round: " + words(Column.values()));
    }

    private static String words(Enum<?>[] values) {
        return Stream.of(values).map(each -> each.name().toLowerCase(Locale.ROOT).replace('_', '-'))
                .collect(Collectors.joining(", "));
    }

    private static int limit(AdminRequest request) {
        return request.integer("limit", USUAL, 1, MOST);
    }

    private static boolean isReversed(AdminRequest request) {
        return request.query("sort").orElse("").startsWith("-");
    }

    private static Column column(AdminRequest request) {
        Optional<String> text = request.query("sort");
        String name = text.orElse(Column.QUEUED.word());
        Column column = Column.of(name.startsWith("-") ? name.substring(1) : name);
        if (column == null) {
            throw Problem.of(Problem.Kind.INVALID,
                    "sort \"" + name + "\": expected one of " + words(Column.values()));
        }
        return column;
    }

    private static Grouping grouping(String word) {
        Grouping by = Grouping.of(word);
        if (by == null) {
            throw Problem.of(Problem.Kind.INVALID, "by \"" + word + "\": expected one of " + words(Grouping.values()));
        }
        return by;
    }

    private StandingAnswer.LastHour traffic(AdminRequest request) {
        Optional<String> by = request.query("by");
        Optional<String> name = request.query("name");
        if (by.isPresent() != name.isPresent()) {
            throw Problem.of(Problem.Kind.INVALID, "by and name are given together, or neither");
        }
        return by.isEmpty() ? standing.lastHour() : standing.lastHour(grouping(by.get()), none(name.orElseThrow()));
    }

    private Queues queues(AdminRequest request) {
        Grouping by = grouping(request.query("by").orElse(Grouping.DOMAIN.word()));
        Selection selection = SelectionQuery.of(request);
        int offset = request.integer("offset", 0, 0, Integer.MAX_VALUE);
        QueueTable.Page page = SelectionQuery.parsed(() -> views.page(by, selection, column(request),
                isReversed(request), offset, limit(request)));
        return Queues.of(page, selection, offset);
    }

    private WhyOf domain(AdminRequest request) {
        return why(selection(Selection.Attribute.DOMAIN, request.path("domain")));
    }

    private WhyOf why(AdminRequest request) {
        return why(SelectionQuery.of(request));
    }

    private WhyOf why(Selection selection) {
        return SelectionQuery.parsed(() -> WhyOf.of(selection, views.why(selection)));
    }

    private static Selection selection(Selection.Attribute attribute, String value) {
        return SelectionQuery.parsed(() -> Selection.parse(Map.of(attribute.word(), List.of(value))));
    }

    private static String none(String name) {
        return name.equals(NamePattern.NONE) ? "" : name;
    }

    private StandingAnswer.Source source(AdminRequest request) {
        StandingAnswer.Source source = standing.source(request.path("source"));
        if (source == null) {
            throw Problem.of(Problem.Kind.NOT_FOUND, "there is no source " + request.path("source"));
        }
        return source;
    }

    private Messages messages(AdminRequest request) throws IOException {
        Selection selection = SelectionQuery.of(request);
        Cursor after = request.query("cursor").map(text -> SelectionQuery.parsed(() -> Cursor.parse(text)))
                .orElse(Cursor.START);
        MessagePage page = views.messages(selection, after, limit(request), queued::envelope);
        Cursor next = page.next();
        return new Messages(selection.toString(), page.selected(), page.looked(),
                next == null ? null : next.toString(), page.messages().stream().map(Message::of).toList());
    }

    private MessageDetail message(AdminRequest request) {
        MessageId id = QueuedMessages.id(request);
        MessageDetail detail = queued.detail(id);
        if (detail == null) {
            throw Problem.of(Problem.Kind.NOT_FOUND,
                    "message " + id + " isn't queued: it was finished, or never was here");
        }
        return detail;
    }
}
