package dev.penstock.admin;

import static java.util.Objects.requireNonNull;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.net.InetAddress;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

import org.junit.jupiter.api.Test;

import dev.penstock.http.Problem;
import dev.penstock.testing.ManualClock;

class ConsoleSessionsTest {
    private static final Operator ANNA = new Operator("anna", Role.OPERATE, "socket");

    private final ManualClock clock = new ManualClock(Long.MAX_VALUE - 1_000);
    private final ConsoleSessions sessions = new ConsoleSessions(clock::nanoTime);

    @Test
    void aTicketLetsOneBrowserInWithTheRightsOfWhoeverTookIt() {
        String ticket = sessions.ticket(ANNA);
        String session = requireNonNull(sessions.begin(ticket));
        assertThat(sessions.operator(session)).isEqualTo(ANNA);
        assertThat(sessions.begin(ticket)).as("again").isNull();
        assertThat(sessions.operator(ticket)).as("a ticket is no session").isNull();
        assertThat(sessions.begin(session)).as("a session is no ticket").isNull();
    }

    @Test
    void aTicketIsSoonTooOld() {
        String ticket = sessions.ticket(ANNA);
        clock.advance(ConsoleSessions.TICKET_TIME.plusNanos(1));
        assertThat(sessions.begin(ticket)).isNull();
    }

    @Test
    void aSessionEndsWhenNothingComes() {
        String session = requireNonNull(sessions.begin(sessions.ticket(ANNA)));
        clock.advance(ConsoleSessions.IDLE);
        assertThat(sessions.operator(session)).isNotNull();
        clock.advance(ConsoleSessions.IDLE.plusNanos(1));
        assertThat(sessions.operator(session)).isNull();
        assertThat(sessions.operator(session)).as("not even later").isNull();
    }

    @Test
    void aSessionEndsWhateverComes() {
        String session = requireNonNull(sessions.begin(sessions.ticket(ANNA)));
        Duration step = Duration.ofMinutes(10);
        for (Duration age = Duration.ZERO; age.compareTo(ConsoleSessions.LIFE) < 0; age = age.plus(step)) {
            assertThat(sessions.operator(session)).as("after %s", age).isNotNull();
            clock.advance(step);
        }
        clock.advance(Duration.ofNanos(1));
        assertThat(sessions.operator(session)).isNull();
    }

    @Test
    void aSessionCanBeEnded() {
        String session = requireNonNull(sessions.begin(sessions.ticket(ANNA)));
        sessions.end(session);
        assertThat(sessions.operator(session)).isNull();
    }

    @Test
    void theSessionThatWasUsedLongestAgoMakesRoom() {
        String of = requireNonNull(sessions.begin(sessions.ticket(new Operator("bob", Role.READ, "socket"))));
        List<String> begun = new ArrayList<>();
        for (int i = 0; i < ConsoleSessions.MOST_EACH; i++) {
            begun.add(requireNonNull(sessions.begin(sessions.ticket(ANNA))));
        }
        assertThat(sessions.operator(begun.getFirst())).isNotNull();
        sessions.begin(sessions.ticket(ANNA));
        assertThat(sessions.operator(begun.getFirst())).isNotNull();
        assertThat(sessions.operator(begun.get(1))).isNull();
        assertThat(sessions.operator(of)).as("of somebody else").isNotNull();
    }

    @Test
    void thereAreOnlySoManyOfAll() {
        String first = requireNonNull(sessions.begin(sessions.ticket(ANNA)));
        for (int i = 0; i < ConsoleSessions.MOST; i++) {
            assertThat(sessions.begin(sessions.ticket(new Operator("of-" + i, Role.READ, "socket")))).isNotNull();
        }
        assertThat(sessions.operator(first)).isNull();
    }

    @Test
    void ticketsAndCookiesTravelOnlyWhereNobodyReadsThem() {
        assertThat(ConsoleSessions.mayTravel(true, InetAddress.ofLiteral("192.0.2.1"))).isTrue();
        assertThat(ConsoleSessions.mayTravel(false, InetAddress.ofLiteral("192.0.2.1"))).isFalse();
        assertThat(ConsoleSessions.mayTravel(false, InetAddress.ofLiteral("127.0.0.1"))).isTrue();
    }

    @Test
    void noTicketLeadsWhereTheSessionWouldBeSeen() throws Exception {
        AdminRequest request = new AdminRequest(ANNA, Map.of(), Map.of(), new byte[0]);
        assertThatThrownBy(() -> tickets("http://192.0.2.1:8025").answer(request)).isInstanceOf(Problem.class)
                .hasMessageStartingWith("http://192.0.2.1:8025 is in clear");
        for (String base : List.of("https://192.0.2.1:8025", "http://127.0.0.1:8025", "http://[::1]:8025")) {
            assertThat(((ConsoleRoutes.Ticket) tickets(base).answer(request)).base()).isEqualTo(base);
        }
    }

    private AdminRoute.Handler tickets(String base) {
        return requireNonNull(ConsoleRoutes.of(sessions, () -> base).getFirst().handler());
    }
}
