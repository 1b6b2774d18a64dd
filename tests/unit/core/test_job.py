"""A job is held by one worker at a time, and what a replaced worker says is refused."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kaizenml.core.job import LEASE_SECONDS, MOST_ATTEMPTS, Job, JobState, Work, claimed, finished, released, renewed
from kaizenml.errors import ConflictError

NOW = datetime(2024, 1, 1, tzinfo=UTC)
LATE = NOW + timedelta(seconds=LEASE_SECONDS + 1)
JOB = Job("j", "k", "p", Work.RUN, {}, NOW)


def test_a_claimed_job_is_leased_under_a_new_token():
    job = claimed(JOB, "w", NOW)

    assert (job.state, job.worker, job.fence, job.attempts) == (JobState.LEASED, "w", 1, 1)
    assert job.lease_until == NOW + timedelta(seconds=LEASE_SECONDS)


def test_a_job_whose_lease_holds_is_not_taken_away():
    job = claimed(JOB, "w", NOW)

    assert released(job, NOW + timedelta(seconds=LEASE_SECONDS - 1)) == job


def test_a_renewed_lease_holds_from_now():
    job = renewed(claimed(JOB, "w", NOW), 1, LATE)

    assert released(job, LATE + timedelta(seconds=LEASE_SECONDS - 1)).state is JobState.LEASED


@pytest.mark.parametrize("act", [renewed, finished])
def test_a_worker_that_was_replaced_is_refused(act):
    first = claimed(JOB, "slow", NOW)
    second = claimed(released(first, LATE), "fast", LATE)

    with pytest.raises(ConflictError, match="not held under token 1"):
        act(second, first.fence, LATE)
    assert act(second, second.fence, LATE).fence == 2


@pytest.mark.parametrize("act", [renewed, finished])
def test_nothing_is_said_of_a_job_that_is_over_or_waits(act):
    for job in (JOB, finished(claimed(JOB, "w", NOW), 1, NOW), released(claimed(JOB, "w", NOW), LATE)):
        with pytest.raises(ConflictError):
            act(job, job.fence, NOW)


def test_a_job_ends_as_done_or_failed():
    held = claimed(JOB, "w", NOW)

    done, failed = finished(held, 1, LATE, result={"run": "r"}), finished(held, 1, LATE, error="no")

    assert (done.state, done.result, done.is_over, done.lease_until) == (JobState.DONE, {"run": "r"}, True, None)
    assert (failed.state, failed.error, failed.is_over) == (JobState.FAILED, "no", True)


def test_a_job_that_kills_its_workers_is_given_up():
    job = JOB
    for attempt in range(1, MOST_ATTEMPTS + 1):
        job = released(claimed(job, f"w{attempt}", NOW), LATE)

    assert (job.state, job.is_over, job.error) == (JobState.FAILED, True, f"Its worker died {MOST_ATTEMPTS} times.")


@given(st.lists(st.sampled_from(["claim", "lapse", "renew", "finish"]), max_size=20), st.integers(0, 4))
def test_a_token_is_never_given_twice_and_the_end_is_the_end(acts, stale):
    job, now, given_out = JOB, NOW, []
    for act in acts:
        was_over, held = job.is_over, job.fence
        if act == "claim" and job.state is JobState.QUEUED:
            job = claimed(job, "w", now)
            given_out.append(job.fence)
        elif act == "lapse":
            now += timedelta(seconds=LEASE_SECONDS + 1)
            job = released(job, now)
        elif act in ("renew", "finish") and job.state is JobState.LEASED:
            change = renewed if act == "renew" else finished
            if stale != held:
                with pytest.raises(ConflictError):
                    change(job, stale, now)
            job = change(job, held, now)
        assert not was_over or job.is_over

    assert given_out == sorted(set(given_out))
    assert job.attempts <= MOST_ATTEMPTS
