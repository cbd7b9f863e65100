package dev.penstock.shaping;

import static java.util.Objects.requireNonNull;
import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;

import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

import dev.penstock.shaping.OpeningLimiter.Grant;
import dev.penstock.shaping.OpeningLimiter.Party;
import dev.penstock.shaping.OpeningLimiter.Place;
import dev.penstock.shaping.SessionLimiter.Waiter;

/** Who may come up: all, a tenant, the reports, a network. */
class OpeningLimiterTest {
    private static final int LIMIT = 30;
    private static final Party ACME = Party.tenant("acme");
    private static final Party OTHER = Party.tenant("other");
    private static final String NETWORK = "192.0.2.0/24";

    private final OpeningLimiter limiter = new OpeningLimiter("max-sessions that come up", LIMIT, 0);
    private int networks;

    private record Named(String name) implements Waiter {}

    @Test
    void aTenantThatIsAloneGetsFourFifths() {
        assertThat(fill(ACME)).hasSize(24);
    }

    @Test
    void ofWhatATenantLeavesAnotherGetsFourFifths() {
        fill(ACME);
        assertThat(fill(OTHER)).hasSize(5);
        assertThat(fill(Party.tenant("third"))).hasSize(1);
    }

    @Test
    void howeverManyTenantsFillTheirSharesTheNextGetsOneAsLongAsOneIsFree() {
        for (int tenant = 0; tenant < LIMIT && limiter.open() < LIMIT; tenant++) {
            assertThat(fill(Party.tenant("t" + tenant))).isNotEmpty();
        }
    }

    @Test
    void reportsGetHalfHoweverManyTenantsTheyAreOf() {
        assertThat(fill(Party.REPORTS)).hasSize(15);
    }

    @Test
    void aNetworkGetsHalfAndLeavesItsTenantTheRest() {
        List<Place> places = fill(ACME, NETWORK);
        assertThat(places).hasSize(15);
        assertThat(fill(ACME)).as("to other networks").hasSize(9);
    }

    @Test
    void hostsWhoseNetworkIsNotKnownHaveNoShare() {
        assertThat(fill(ACME, OpeningLimiter.NO_NETWORK)).hasSize(24);
    }

    @Test
    void theReserveIsForThoseWithoutASession() {
        OpeningLimiter reserving = new OpeningLimiter("max-sessions that come up", 2, 1);
        assertThat(reserving.tryAcquire(List.of(ACME), network(), false)).isNotNull();
        assertThat(reserving.tryAcquire(List.of(ACME), network(), false)).isNull();
        assertThat(reserving.tryAcquire(List.of(ACME), network(), true)).isNotNull();
    }

    @Test
    void aPlaceThatIsLeftPassesToThePartyThatHasFewest() {
        List<Place> acme = fill(ACME);
        fill(OTHER);
        fill(Party.tenant("third"));
        assertThat(wait("a", ACME)).isNull();
        assertThat(wait("b", OTHER)).isNull();
        acme.getFirst().leave();
        assertThat(next()).as("one that is free is for those who have less than four").isNull();
        acme.get(1).leave();
        assertThat(next()).isEqualTo("b");
        assertThat(next()).isNull();
        assertThat(limiter.violation(0)).isNull();
    }

    @Test
    void networksTakeTurns() {
        List<Place> places = fill(ACME);
        assertThat(limiter.acquire(new Named("a1"), List.of(ACME), "a", true)).isNull();
        assertThat(limiter.acquire(new Named("a2"), List.of(ACME), "a", true)).isNull();
        assertThat(limiter.acquire(new Named("b1"), List.of(ACME), "b", true)).isNull();
        List<@Nullable String> order = new ArrayList<>();
        for (int i = 0; i < 3; i++) {
            places.get(i).leave();
            order.add(next());
        }
        assertThat(order).containsExactly("a1", "b1", "a2");
    }

    @Test
    void whoHasMailOfTwoPartiesIsGrantedOnce() {
        List<Place> acme = fill(ACME);
        fill(OTHER);
        fill(Party.tenant("third"));
        assertThat(limiter.acquire(new Named("both"), List.of(ACME, OTHER), network(), true)).isNull();
        acme.subList(0, 2).forEach(Place::leave);
        assertThat(next()).isEqualTo("both");
        acme.forEach(Place::leave);
        assertThat(next()).isNull();
        assertThat(limiter.waiting()).isZero();
    }

    @Test
    void whoGetsMailOfAnotherPartyWaitsForItsShareToo() {
        fill(ACME);
        assertThat(wait("a", ACME)).isNull();
        assertThat(next()).isNull();
        limiter.update(new Named("stranger"), List.of(OTHER), NETWORK);
        assertThat(next()).isNull();
        Named waiter = new Named("w");
        String network = network();
        assertThat(limiter.acquire(waiter, List.of(ACME), network, true)).isNull();
        limiter.update(waiter, List.of(ACME, OTHER), network);
        assertThat(next()).isEqualTo("w");
    }

    @Test
    void whoseHostIsNowInAnotherNetworkWaitsForThatOnesShare() {
        fill(ACME, NETWORK);
        Named waiter = new Named("w");
        assertThat(limiter.acquire(waiter, List.of(ACME), NETWORK, true)).isNull();
        assertThat(next()).isNull();
        limiter.update(waiter, List.of(ACME), "198.51.100.0/24");
        assertThat(next()).isEqualTo("w");
        assertThat(limiter.violation(0)).isNull();
    }

    @Test
    void anotherHostsNetworkMustHaveRoom() {
        fill(ACME, NETWORK);
        Place place = requireNonNull(limiter.tryAcquire(List.of(ACME), network(), true));
        assertThat(place.enter(NETWORK)).isFalse();
        assertThat(place.crowding()).as("it has the place it had").isPositive();
        assertThat(place.enter("198.51.100.0/24")).isTrue();
        place.leave();
        assertThat(place.crowding()).isZero();
        assertThat(place.enter(NETWORK)).isFalse();
        assertThat(place.enter("198.51.100.0/24")).as("once more").isTrue();
        assertThat(limiter.violation(0)).isNull();
    }

    @Test
    void whereAShareIsFullItIsAsCrowdedAsWhereAllAre() {
        Place alone = requireNonNull(limiter.tryAcquire(List.of(OTHER), network(), true));
        assertThat(alone.crowding()).isLessThan(0.1);
        List<Place> places = fill(ACME, NETWORK);
        assertThat(places.getLast().crowding()).isGreaterThan(0.9);
        assertThat(alone.crowding()).isLessThan(0.6);
    }

    @Test
    void sharesThatNobodyHasAreForgotten() {
        List<Place> places = fill(ACME);
        wait("a", ACME);
        places.forEach(Place::leave);
        places.forEach(Place::leave);
        requireNonNull(limiter.next()).place().leave();
        assertThat(limiter.open()).isZero();
        assertThat(limiter.violation(0)).isNull();
    }

    /** Takes all that the party gets, each to another network. */
    private List<Place> fill(Party party) {
        List<Place> places = new ArrayList<>();
        Place place;
        while ((place = limiter.tryAcquire(List.of(party), network(), true)) != null) {
            places.add(place);
        }
        return places;
    }

    private List<Place> fill(Party party, String network) {
        List<Place> places = new ArrayList<>();
        Place place;
        while ((place = limiter.tryAcquire(List.of(party), network, true)) != null) {
            places.add(place);
        }
        return places;
    }

    private @Nullable Place wait(String name, Party party) {
        return limiter.acquire(new Named(name), List.of(party), network(), true);
    }

    private @Nullable String next() {
        Grant grant = limiter.next();
        return grant == null ? null : ((Named) grant.waiter()).name();
    }

    private String network() {
        return "n" + networks++;
    }
}
