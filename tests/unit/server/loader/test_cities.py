"""Exports of many cities, each written here in its city's own layout: headings, dates, status words, areas."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from api_client.model import Status
from console.rules.sla import sla_of
from console.server.city.city import City
from console.server.loader import load_file
from tests.helpers.cityfiles import reports_in

_S = Status


@dataclass
class Export:
    """A file of a city and what must be seen of its reports: id, status, category, created, closed, place, area."""

    city: str
    zone: str
    text: str
    reports: list[tuple[str | None, Status, str, str, str | None, tuple[float, float] | None]]
    agency: str | None = None
    area: str | None = None
    address: str | None = None
    priority: int = 3


EXPORTS = (
    Export(
        "Toronto",
        "America/Toronto",
        "Creation Date,Status,First 3 Chars of Postal Code,Intersection Street 1,Intersection Street 2,Ward,"
        "Service Request Type,Division,Section\n"
        "2021-01-13 09:05:00.0000000,In Progress,M1B,,,Scarborough-Rouge Park (25),"
        "Residential: Bin: Repair or Replace Lid,Solid Waste Management Services,Collections\n"
        "2021-01-14 00:00:00.0000000,Completed,Intersection,Dunkirk Rd,Leslie St,Don Valley North (17),"
        "Road - Pot hole,Transportation Services,Road Operations\n",
        [
            (None, _S.PROGRESS, "Residential: Bin: Repair or Replace Lid", "2021-01-13T14:05:00+00:00", None, None),
            (None, _S.RESOLVED, "Road - Pot hole", "2021-01-14T05:00:00+00:00", "2021-01-14T05:00:00+00:00", None),
        ],
        agency="Solid Waste Management Services",
        area="Scarborough-Rouge Park (25)",
        address="",
    ),
    Export(
        "Philadelphia",
        "America/New_York",
        "objectid,service_request_id,status,status_notes,subject,service_code,agency_responsible,service_notice,"
        "requested_datetime,updated_datetime,expected_datetime,closed_datetime,address,zipcode,media_url,lat,lon\n"
        "1,13000001,Closed,Question Answered,Graffiti Removal,SR-CL01,Community Life Improvement Program,7 Business "
        "Days,2020-06-01 10:00:00+00,2020-06-02 11:00:00+00,2020-06-10 10:00:00+00,2020-06-02 11:00:00+00,"
        "1600 MARKET ST,19103,,39.9526,-75.1679\n",
        [
            ("13000001", _S.RESOLVED, "Graffiti Removal", "2020-06-01T10:00:00+00:00", "2020-06-02T11:00:00+00:00",
             (39.9526, -75.1679)),
        ],
        agency="Community Life Improvement Program",
        address="1600 MARKET ST, 19103",
    ),
    Export(
        "Austin",
        "America/Chicago",
        "sr_number,sr_type_desc,sr_department_desc,sr_method_received_desc,sr_status_desc,sr_status_date,"
        "sr_created_date,sr_updated_date,sr_closed_date,sr_location,sr_location_zip_code,sr_location_lat,"
        "sr_location_long,sr_location_lat_long,sr_location_council_district\n"
        '24-00000012,ARR - Garbage,Austin Resource Recovery,Phone,Duplicate (closed),2024-02-01T08:00:00.000,'
        '2024-01-31T23:30:00.000,2024-02-01T08:00:00.000,2024-02-01T08:00:00.000,"1 CONGRESS AVE, AUSTIN",78701,'
        '30.2621,-97.7449,POINT (-97.7449 30.2621),9\n',
        [
            ("24-00000012", _S.CLOSED, "ARR - Garbage", "2024-02-01T05:30:00+00:00", "2024-02-01T14:00:00+00:00",
             (30.2621, -97.7449)),
        ],
        agency="Austin Resource Recovery",
        area="9",
        address="1 CONGRESS AVE, AUSTIN, 78701",
    ),
    Export(
        "Washington DC",
        "America/New_York",
        "SERVICEREQUESTID,SERVICEPRIORITY,SERVICECODE,SERVICECODEDESCRIPTION,SERVICETYPECODE,SERVICETYPECODEDESCRIPTION"
        ",SERVICEORDERDATE,SERVICEORDERSTATUS,SERVICECALLCOUNT,AGENCYABBREVIATION,INSPECTIONFLAG,INSPECTIONDATE,"
        "RESOLUTION,RESOLUTIONDATE,SERVICEDUEDATE,SERVICENOTES,PARENTSERVICEREQUESTID,ADDDATE,LASTMODIFIEDDATE,"
        "SITEADDRESS,LATITUDE,LONGITUDE,ZIPCODE,WARD\n"
        '16-00000009,Standard,S0311,Rodent Inspection and Treatment,DEPAHEAL,DOH- Department Of Health,'
        '2016-10-29 15:09:22.000,Closed,1,DOH,NA,2017-01-12 19:00:00.000,"Closed, issue resolved",'
        '2017-01-12 19:00:16.000,2016-11-18 22:00:00.000,"Baited two burrows.",NA,2016-10-29 15:09:22.000,'
        '2017-01-12 19:00:16.000,1 EXAMPLE STREET N,38.9137,-77.0017,20002,5\n'
        '16-00000010,Urgent,S0301,Emergency - Trees,DDOT,DDOT,2016-10-30 15:09:22.000,Overdue Open,1,DDOT,NA,NA,NA,NA,'
        'NA,NA,NA,2016-10-30 15:09:22.000,NA,2 EXAMPLE STREET N,38.9138,-77.0018,20002,5\n',
        [
            ("16-00000009", _S.RESOLVED, "Rodent Inspection and Treatment", "2016-10-29T19:09:22+00:00",
             "2017-01-13T00:00:16+00:00", (38.9137, -77.0017)),
            ("16-00000010", _S.NEW, "Emergency - Trees", "2016-10-30T19:09:22+00:00", None, (38.9138, -77.0018)),
        ],
        agency="DOH",
        area="5",
        address="1 EXAMPLE STREET N, 20002",
    ),
    Export(
        "San Diego",
        "America/Los_Angeles",
        "service_request_id,service_request_parent_id,sap_notification_number,date_requested,case_age_days,"
        "case_record_type,service_name,service_name_detail,date_closed,status,lat,lng,street_address,zipcode,"
        "council_district,comm_plan_code,comm_plan_name,park_name,case_origin,referred,iamfloc,floc,public_description\n"
        "2500001,,40300001,2019-01-01T00:05:00,3,TSW,Pothole,,2019-01-04,Closed,32.7157,-117.1611,1 MAIN ST,92101,3,11,"
        "Downtown,,Mobile,,,,a big hole\n"
        "2500002,2500001,,2019-01-02T00:05:00,,TSW,Pothole,,,In Process,32.7158,-117.1612,2 MAIN ST,92101,3,11,"
        "Downtown,,Web,,,,\n",
        [
            ("2500001", _S.RESOLVED, "Pothole", "2019-01-01T08:05:00+00:00", "2019-01-04T08:00:00+00:00",
             (32.7157, -117.1611)),
            ("2500002", _S.PROGRESS, "Pothole", "2019-01-02T08:05:00+00:00", None, (32.7158, -117.1612)),
        ],
        area="Downtown",
        address="1 MAIN ST, 92101",
    ),
    Export(
        "Dallas",
        "America/Chicago",
        "Service Request Number,Address,City Council District,Department,Service Request Type,"
        "ERT (Estimated Response Time),Overall Service Request Due Date,Status,Created Date,Update Date,Closed Date,"
        "Outcome,Priority,Method Received Description,Unique Key,Lat_Long Location\n"
        '21-00000003,"1 ELM ST, DALLAS, TX, 75201",14,Code Compliance,Litter - CCS,5 days,06/13/2021 10:00:00 AM,'
        'Closed (Duplicate),06/08/2021 10:00:00 AM,06/09/2021 09:00:00 AM,06/09/2021 09:00:00 AM,,Urgent,Phone,K1,'
        '"(32.7831, -96.8067)"\n',
        [
            ("21-00000003", _S.CLOSED, "Litter - CCS", "2021-06-08T15:00:00+00:00", "2021-06-09T14:00:00+00:00",
             (32.7831, -96.8067)),
        ],
        agency="Code Compliance",
        area="14",
        priority=2,
    ),
    Export(
        "Kansas City",
        "America/Chicago",
        "CASE ID,SOURCE,DEPARTMENT,WORK GROUP,REQUEST TYPE,CATEGORY,TYPE,DETAIL,CREATION DATE,CREATION TIME,"
        "CREATION MONTH,CREATION YEAR,STATUS,EXCEEDED EST TIMEFRAME,CLOSED DATE,CLOSED MONTH,CLOSED YEAR,DAYS TO CLOSE,"
        "STREET ADDRESS,ZIP CODE,NEIGHBORHOOD,LATITUDE,LONGITUDE,COUNTY,CASE URL\n"
        "2020000001,PHONE,NHS,NHS-Solid Waste,Trash / Recycling-Missed,Trash / Recycling,Missed,Trash,12/29/2019,"
        "08:50 AM,12,2019,RESOL,N,01/02/2020,1,2020,4,1 MAIN ST,64105,Downtown,39.1,-94.58,Jackson,\n",
        [
            ("2020000001", _S.RESOLVED, "Trash / Recycling-Missed", "2019-12-29T14:50:00+00:00",
             "2020-01-02T06:00:00+00:00", (39.1, -94.58)),
        ],
        agency="NHS",
        area="Downtown",
        address="1 MAIN ST, 64105",
    ),
    Export(
        "Vancouver",
        "America/Vancouver",
        "Department;Service request type;Status;Closure reason;Service request open timestamp;Service request close "
        "date;Last modified timestamp;Address;Local area;Channel;Latitude;Longitude;geom\n"
        "ENG - Streets;Pothole Case;Close;Service provided;2023-03-01T08:00:00-08:00;2023-03-03;"
        "2023-03-03T10:00:00-08:00;1 MAIN ST;Downtown;WEB;49.2827;-123.1207;49.2827, -123.1207\n",
        [
            (None, _S.RESOLVED, "Pothole Case", "2023-03-01T16:00:00+00:00", "2023-03-03T08:00:00+00:00",
             (49.2827, -123.1207)),
        ],
        agency="ENG - Streets",
        area="Downtown",
        address="1 MAIN ST",
    ),
    Export(
        "Houston",
        "America/Chicago",
        "CASE NUMBER|SR LOCATION|NEIGHBORHOOD|DEPARTMENT|DIVISION|SR TYPE|SLA|STATUS|SR CREATE DATE|DUE DATE|"
        "DATE CLOSED|Channel Type|LATITUDE|LONGITUDE\n"
        "101000001|1 SMITH ST|DOWNTOWN|PWE|Street|Pothole|1|Closed|2021-01-08 00:45:40|2021-01-09 00:45:40|"
        "2021-01-08 10:00:00|Voice In|29.76|-95.36\n"
        "101000002|Unknown|DOWNTOWN|PWE|Street|Pothole|1|Open|2021-01-09 00:45:40|2021-01-10 00:45:40||Voice In|"
        "Unknown|Unknown\n",
        [
            ("101000001", _S.RESOLVED, "Pothole", "2021-01-08T06:45:40+00:00", "2021-01-08T16:00:00+00:00",
             (29.76, -95.36)),
            ("101000002", _S.NEW, "Pothole", "2021-01-09T06:45:40+00:00", None, None),
        ],
        agency="PWE",
        area="DOWNTOWN",
        address="1 SMITH ST",
    ),
    Export(
        "Seattle",
        "America/Los_Angeles",
        "servicerequestnumber,webintakeservicerequests,departmentname,createddate,methodreceivedname,"
        "servicerequeststatusname,location,latitude,longitude,zipcode,community_reporting_area\n"
        '20-00000001,Illegal Dumping / Needles,SPU-Seattle Public Utilities,2020-05-01T12:00:00.000,Find It Fix It,'
        'Transferred,"1 PIKE ST, SEATTLE, WA 98101",47.6097,-122.3331,98101,Downtown Commercial Core\n',
        [
            ("20-00000001", _S.COORDINATION, "Illegal Dumping / Needles", "2020-05-01T19:00:00+00:00", None,
             (47.6097, -122.3331)),
        ],
        agency="SPU-Seattle Public Utilities",
        area="Downtown Commercial Core",
    ),
    Export(
        "FixMyStreet",
        "Europe/London",
        "Report ID,Title,Detail,User Name,Category,Created,Confirmed,Acknowledged,Fixed,Closed,Status,Latitude,"
        "Longitude,Query,Ward,Easting,Northing,Report URL,Device Type,Site Used,Reported As\n"
        "1679,Broken lamp,It has been dark for a week,A Citizen,Street lighting,2023-07-01T10:00:00,"
        "2023-07-01T10:05:00,2023-07-02T09:00:00,2023-07-05T12:00:00,,fixed - council,51.5,-0.12,SW1A 1AA,"
        "St James's,530000,180000,https://example.org/report/1679,desktop,example,\n"
        "1680,Tree,A branch,A Citizen,Trees,2023-07-01T10:00:00,2023-07-01T10:05:00,,,,action scheduled,51.51,-0.13,"
        "SW1A 1AA,St James's,530000,180000,https://example.org/report/1680,desktop,example,\n",
        [
            ("1679", _S.RESOLVED, "Street lighting", "2023-07-01T09:05:00+00:00", "2023-07-05T11:00:00+00:00",
             (51.5, -0.12)),
            ("1680", _S.ASSIGNED, "Trees", "2023-07-01T09:05:00+00:00", None, (51.51, -0.13)),
        ],
        area="St James's",
    ),
)  # fmt: skip


@pytest.mark.parametrize("export", EXPORTS, ids=lambda export: export.city)
def test_a_city_s_own_layout(tmp_path: Path, city: City, export: Export) -> None:
    path = tmp_path / "export.csv"
    path.write_text(export.text, "utf-8")

    result = load_file(path, city, timezone=export.zone)

    assert result.format == f"CSV of {export.city}"
    assert (result.loaded, result.refused_count, result.remarked_count) == (len(export.reports), 0, 0), str(result)
    assert not [note for note in result.notes if "usually" in note]
    names = {each.code: each.name for each in city.services()}
    areas = {each.code: each.name for each in city.areas()}
    found = sorted(reports_in(city), key=lambda report: report.created)
    for report, (key, status, service, created, closed, place) in zip(found, export.reports, strict=True):
        assert key in (None, report.id)
        assert (report.status, names[report.service or ""], report.created.isoformat()) == (status, service, created)
        assert (report.closed_at.isoformat() if report.closed_at else None) == closed
        assert ((report.lat, report.lon) if report.lat is not None else None) == place
    first = found[0]
    assert first.priority == export.priority
    for wanted, seen in ((export.agency, first.agency), (export.address, first.address)):
        assert wanted in (None, seen)
    assert export.area is None or areas[first.area or ""] == export.area


def test_another_time_zone_than_the_city_s_is_said(tmp_path: Path, city: City) -> None:
    path = tmp_path / "export.csv"
    path.write_text(EXPORTS[0].text, "utf-8")
    result = load_file(path, city, timezone="Asia/Jakarta")
    assert "--timezone America/Toronto" in str(result)


def test_what_a_city_has_to_say_itself_of_what_a_file_names_is_said(tmp_path: Path, city: City) -> None:
    """Nothing of such a city would ever be a P1, and no new report lie in an area, and nobody had said so."""
    path = tmp_path / "export.csv"
    path.write_text(next(one.text for one in EXPORTS if one.city == "Seattle"), "utf-8")

    notes = load_file(path, city, timezone="America/Los_Angeles").notes

    assert any("all with priority 3" in note and "services.csv" in note for note in notes)
    assert any("without borders no new report lies in them" in note for note in notes)
    assert {service.priority for service in city.services()} == {3}
    first = {sla.first_response_s for service in city.services() if (sla := sla_of(service, 1))}
    assert first == {15 * 60}, "of a category that the city makes life and safety is not decided within six hours"
